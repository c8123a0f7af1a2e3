"""Data contracts: what may come in, who says so, and what became of every row.

Belongs here: `contract` (documents and their life), `plates`, `registers` (cameras, areas, regions), `sources`,
`intake` (files before they are judged), `judgement` (rules over rows), `across_rows`, `layers` (what is left in the
lake), `health`; and what people ask for by name: ingest, requalify, quarantine, dispositions, data docs. Does not:
journeys, windows, features, permissions.
"""
