"""Reads that grow older than retention between two judgements leave, and do not bring their file down."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from data_contracts.judgement.limits import IngestLimits
from data_contracts.requalify import Judge, judge_again, records_of_days

OTHER = "camera_id,latitude,longitude,valid_from\nCAM-9,53.0,-2.5,2025-01-01\n"


def judge_later(room, days):
    room.cameras(OTHER)
    judge = Judge(room.settings, room.lake, room.rocu, IngestLimits(), room.now + timedelta(days=days))
    due = records_of_days(judge, date(2025, 1, 1), date(2026, 12, 31))
    (done,) = judge_again(judge, due, "camera registered late", lambda _: None, lambda _: None)
    assert done.batches[0].newly_quarantined == done.batches[0].after.quarantined - done.batches[0].before.quarantined
    return done.batches[0].after


@pytest.fixture(scope="module")
def old_reads(room_again, row):
    """A file with a good read of each of 359 to 364 days ago."""
    room = room_again()
    reads = [
        row(captured_at=f"{room.now - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}", received_at="")
        for days in range(364, 358, -1)
    ]
    (batch,) = room.ingest(room.deliver("old.csv", *reads)).batches
    assert batch.accepted == 6
    return room


def test_the_file_passes_with_what_may_still_be_kept_and_of_the_others_only_number_and_rules_are(old_reads, room_again):
    room = room_again(old_reads)
    after = judge_later(room, 4)
    assert (after.verdict, after.accepted, after.quarantined) == ("passed_with_quarantine", 3, 3)
    assert dict(after.rules) == {"older_than_retention": 3}
    said = room.quarantine("row_no, rules, vehicle, camera_id, captured_at, feed_id")
    assert said == [(number, ["older_than_retention"], None, None, None, None) for number in (1, 2, 3)]


def test_a_file_of_which_nothing_is_left_does_not_fail(old_reads, room_again):
    after = judge_later(room_again(old_reads), 30)
    assert (after.verdict, after.quarantined) == ("passed_with_quarantine", 6)


def test_rows_that_were_too_old_when_they_came_still_count_against_the_file(room, row):
    old = f"{room.now - timedelta(days=370):%Y-%m-%dT%H:%M:%SZ}"
    (batch,) = room.ingest(room.deliver("old.csv", row(), row(captured_at=old, received_at=""))).batches
    assert batch.verdict == "failed"
    assert judge_later(room, 4).verdict == "failed"
