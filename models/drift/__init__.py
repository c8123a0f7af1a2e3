"""Drift: what has changed since the model learnt, and which of four things changed it.

Belongs here: the camera estate, the behaviour of vehicles, the scores, the labels, and the recommendation drawn from
them. Does not: retraining, promotion, permissions, pages.
"""
