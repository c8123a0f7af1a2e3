"""Governance: who may do what, the gate, approvals, the audit log, policies, lineage, model records.

Belongs here: rules about who and whether, a package for each: `audit` (the log), `policy` (of a ROCU), `gate`
(evidence and verdict), `access` (permissions, procedures, authorities), `promotion` (the life of a version), `lineage`
(and which records are on record), `documents` and `pages` (what is made from the record). Does not: training,
orchestration, or how a token is verified.
"""
