"""Governance: who may do what, the gate, approvals, the audit log, policies, lineage, model records.

Belongs here: rules about who and whether. Does not: training, orchestration, or how a token is verified.
"""
