"""Data contracts: what may come in, who says so, and what became of every row.

Belongs here: the contracts (ODCS YAML), the plate grammar, source adapters, the camera register, regions, ingest,
quarantine, dispositions. Does not: journeys, windows, features, permissions.
"""
