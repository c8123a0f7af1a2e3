"""Each fault is there at about its knob's rate, in the reads and in the truth, and the two agree row by row."""

from __future__ import annotations

from typing import Any

import pytest

JOINED = "faults f JOIN numbered r ON r.filename = f.file AND r.row_no = f.row_no"


@pytest.fixture(scope="module")
def world(small: Any) -> Any:
    small.sql.execute(
        "CREATE OR REPLACE TABLE numbered AS SELECT *,"
        " row_number() OVER (PARTITION BY filename ORDER BY rowid) AS row_no FROM (SELECT rowid, * FROM reads)"
    )
    return small


def rate(world: Any, fault: str) -> float:
    return float(world.one(f"SELECT (SELECT count(*) FROM faults WHERE fault = '{fault}') / count(*) FROM reads")[0])


@pytest.mark.parametrize(
    ("fault", "knob", "share"),
    [("misread", "misread_rate", 1.0), ("duplicate", "duplicate_rate", 1.0), ("no_vrm", "malformed_rate", 0.25)],
)
def test_row_faults_come_at_their_knob_s_rate(world: Any, fault: str, knob: str, share: float) -> None:
    assert rate(world, fault) == pytest.approx(getattr(world.world.faults, knob) * share, rel=0.45)


def test_about_the_capture_rate_of_passes_is_captured(world: Any) -> None:
    missed = world.one("SELECT count(*) FROM faults WHERE fault = 'missed'")[0]
    total = world.one("SELECT count(*) FROM reads")[0]
    assert total / (total + missed) == pytest.approx(world.world.faults.capture_rate, abs=0.012)


def test_the_truth_names_the_row_that_was_delivered(world: Any) -> None:
    total, same = world.one(
        f"SELECT count(*), count(*) FILTER (coalesce(r.vrm, '') = f.delivered_vrm AND"
        f" (r.camera_id = f.camera_id OR f.fault = 'unknown_camera')) FROM {JOINED} WHERE f.fault <> 'missed'"
    )
    # a row may be late and have an unknown camera at once
    assert total > 1000
    assert same >= total - 5


def test_a_misread_differs_from_the_plate_in_one_character_of_its_length(world: Any) -> None:
    rows = world.sql.execute("SELECT vrm, delivered_vrm FROM faults WHERE fault = 'misread'").fetchall()
    read = [(plate, seen) for plate, seen in rows if seen]
    assert all(len(plate) == len(seen) for plate, seen in read)
    assert all(sum(a != b for a, b in zip(plate, seen, strict=True)) == 1 for plate, seen in read)


def test_misreads_are_less_confident(world: Any) -> None:
    wrong = world.one(f"SELECT avg(r.confidence::int) FROM {JOINED} WHERE f.fault = 'misread'")[0]
    every = world.one("SELECT avg(confidence::int) FROM reads WHERE confidence::int <= 100")[0]
    assert wrong < every - 10


def test_a_duplicate_stands_beside_its_original(world: Any) -> None:
    alone = world.one(
        "SELECT count(*) FROM numbered d JOIN faults f ON d.filename = f.file AND d.row_no = f.row_no"
        " WHERE f.fault = 'duplicate' AND NOT EXISTS (SELECT 1 FROM numbered o WHERE o.vrm = d.vrm"
        " AND o.camera_id = d.camera_id AND o.row_no <> d.row_no AND abs(epoch(o.seen) - epoch(d.seen)) <= 2)"
    )
    assert alone == (0,)


def test_malformed_rows_are_of_four_kinds(world: Any) -> None:
    counts = world.one(
        "SELECT count(*) FILTER (vrm IS NULL), count(*) FILTER (seen IS NULL), count(*) FILTER (confidence = '140'),"
        " count(*) FILTER (camera_id = '9990001') FROM reads"
    )
    faults = world.report.faults
    assert counts == tuple(faults[kind] for kind in ("no_vrm", "impossible_time", "confidence_140", "unknown_camera"))
    assert min(counts) > 0


def test_a_clone_is_the_same_plate_on_two_vehicles_far_apart(world: Any) -> None:
    copies = world.sql.execute(
        "SELECT c.vrm, o.vrm, c.home <> c.copied_home FROM clones c JOIN vehicles o ON o.vehicle_id = c.clone_of"
    ).fetchall()
    assert copies
    assert all(copied == original and apart for copied, original, apart in copies)
    assert len(copies) == pytest.approx(world.world.vehicles.count * world.world.faults.clone_share, abs=8)
    first = world.one(
        'SELECT count(*) FROM faults f JOIN clones c USING (vehicle_id) WHERE f.captured_at < c."from"::date'
    )
    assert first == (0,)


def test_a_drifting_clock_is_off_by_what_the_truth_says(world: Any) -> None:
    worst = world.one(
        "SELECT max(abs(epoch(r.seen) - epoch(f.captured_at) - f.clock_seconds)), max(abs(f.clock_seconds))"
        f" FROM {JOINED} WHERE f.fault = 'clock_drift' AND r.seen IS NOT NULL"
    )
    assert worst[0] == 0
    assert 5 < worst[1] <= world.world.faults.clock_drift_seconds_per_day * world.world.days
    drifting = world.one("SELECT count(*) FROM camera_faults WHERE fault = 'clock_drift'")[0]
    cameras = world.one("SELECT count(DISTINCT camera_id) FROM cameras")[0]
    assert drifting / cameras == pytest.approx(world.world.faults.clock_drift_share, abs=0.04)


def test_a_camera_that_is_out_delivers_nothing(world: Any) -> None:
    kinds = {kind for (kind,) in world.sql.execute("SELECT DISTINCT fault FROM camera_faults").fetchall()}
    assert {"camera_outage", "site_outage", "event_outage"} <= kinds
    read = world.one(
        "SELECT count(*) FROM reads r JOIN camera_faults o ON o.camera_id = r.camera_id AND o.fault <> 'clock_drift'"
        ' AND r.seen >= o."start" AND r.seen < o."end" WHERE r.camera_id NOT IN'
        " (SELECT camera_id FROM camera_faults WHERE fault = 'clock_drift') AND NOT EXISTS (SELECT 1 FROM faults f"
        " WHERE f.fault = 'duplicate' AND f.camera_id = r.camera_id AND abs(epoch(f.captured_at) - epoch(r.seen)) <= 2)"
    )
    assert read == (0,)
    assert world.one("SELECT sum(passes_lost) FROM camera_faults")[0] == world.report.faults["outage"] > 0


def test_an_unregistered_camera_delivers_but_is_not_in_the_register(world: Any) -> None:
    hidden = world.one(
        "SELECT count(DISTINCT r.camera_id) FROM reads r WHERE r.camera_id <> '9990001'"
        " AND r.camera_id NOT IN (SELECT camera_id FROM register)"
    )[0]
    assert hidden > 0
    unlisted = world.one("SELECT count(DISTINCT camera_id) FROM cameras WHERE NOT registered")[0]
    assert hidden <= unlisted


def test_a_moved_camera_has_two_register_rows_and_the_register_learns_late(world: Any) -> None:
    moved = world.sql.execute(
        "SELECT camera_id, list(valid_from ORDER BY valid_from), list(valid_to ORDER BY valid_from) FROM register"
        " GROUP BY camera_id HAVING count(*) = 2"
    ).fetchall()
    assert moved
    assert all(until[0] == since[1] for _, since, until in moved)
    lag = world.sql.execute(
        "SELECT DISTINCT r.valid_from::date - (DATE '2026-03-02' + c.first_day::int) FROM register r JOIN cameras c"
        " ON c.camera_id = r.camera_id AND c.moved AND c.first_day > 0 AND r.valid_from::date > DATE '2026-03-02'"
    ).fetchall()
    assert lag == [(world.world.faults.moved_register_lag_days,)]
    assert world.report.faults["moved_camera"] > 0


def test_a_late_batch_is_a_file_of_its_own_named_by_its_arrival(world: Any) -> None:
    late = world.sql.execute(
        "SELECT filename, min(seen::date), max(seen::date), min(received_at::timestamptz::date),"
        " count(DISTINCT feed_id) FROM reads WHERE filename LIKE '%\\_%.csv' ESCAPE '\\'"
        " AND seen IS NOT NULL GROUP BY filename"
    ).fetchall()
    assert late
    for name, first, _, received, feeds in late:
        assert feeds == 1
        assert f"/{received}_" in name
        assert 1 <= (received - first).days <= world.world.faults.late_days + 1
