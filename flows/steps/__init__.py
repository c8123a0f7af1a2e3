"""The steps: plain functions that call the rooms in order and record who did it; flows and commands call these."""

from flows.steps.data import ingest
from flows.steps.inbox import set_aside
from flows.steps.monitoring import monitor
from flows.steps.requalify import requalify
from flows.steps.scoring import score
from flows.steps.training import retrain

__all__ = ["ingest", "monitor", "requalify", "retrain", "score", "set_aside"]
