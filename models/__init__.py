"""Models: patterns, journeys and windows, labels, training, evaluation, explanation, the registry, drift.

Belongs here: what a feature, a model and a score are. Does not: orchestration, permissions, approval.
"""
