"""Infra: settings, the lake, the engine, identity, pseudonyms, the vault and signing.

Belongs here: what every room stands on. Does not: any rule about ANPR, models or approval.
"""
