"""Judging batches of a test room again, and counting every row afterwards."""

from __future__ import annotations

from datetime import date

from data_contracts.judgement.limits import IngestLimits
from data_contracts.layers.reads import (
    batches,
    layer_parts,
    standing_batches,
    standing_failures,
)
from data_contracts.requalify import Judge, judge_again, records_of_days

START, END = date(2026, 5, 1), date(2026, 5, 31)
LATE = "camera_id,latitude,longitude,valid_from\nCAM-3,53.0,-2.5,2026-01-01\n"
WIDE = {"max_quarantine_share": 0.5}


def judge_of(room, **limits):
    return Judge(room.settings, room.lake, room.rocu, IngestLimits(**limits), room.now)


def requalify(room, start=START, end=END, trial=False, asked=None, **limits):
    judge = judge_of(room, **limits)
    due = records_of_days(judge, start, end)
    return list(judge_again(judge, due, "camera registered late", lambda _: None, lambda _: None, asked, trial))


def check_conserved(room):
    """Every delivered row in one place, over what stands: by the manifests, and by the rows of the parts."""
    standing = standing_batches(room.lake, room.rocu)
    assert len({batch.batch_id for _, batch in standing}) == len(standing)
    judged = {batch.batch_id for _, batch in batches(room.lake, room.rocu)}
    assert {batch.batch_id for _, batch in standing} == judged
    for _, batch in standing:
        assert batch.rows == batch.accepted + batch.quarantined + batch.duplicates
    for layer, counted in (("reads", "accepted"), ("quarantine", "quarantined")):
        rows = sum(part.rows for part in layer_parts(room.lake, room.rocu, layer))
        assert rows == sum(getattr(batch, counted) for _, batch in standing)
    keys = room.reads("batch_id, row_no")
    assert len(set(keys)) == len(keys)


def failures(room):
    return [batch.batch_id for batch in standing_failures(room.lake, room.rocu, START, END)]
