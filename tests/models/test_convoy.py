"""Pairs: who is found, what is said, what chance is; and that the same reads give the same bytes."""

from __future__ import annotations

import hashlib
import io
import random
from datetime import date, datetime, timedelta

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.features.engines import DuckDBEngine
from models.features.pairs import ConvoySettings
from models.pair_windows import pair_window_table
from models.patterns import get_pattern
from models.patterns.convoy import surprise_rule
from models.units import is_about, key_of, units_of
from models.windows import READS

AS_OF = date(2026, 2, 1)
FIRST = datetime.fromisoformat("2026-01-05")
PLACES = {
    "hub-1": (53.40, -2.98),
    "hub-2": (53.42, -2.94),
    "road-1": (53.70, -2.75),
    "town-1": (54.32, -2.74),
    "town-2": (54.33, -2.76),
}
OUT_AND_BACK = (("hub-1", 0), ("road-1", 30), ("town-1", 85), ("town-2", 120), ("road-1", 170), ("hub-2", 205))
CONVOY, QUEUE, COUPLE = (1, 2), range(100, 200), (3, 4)


def token(number):
    digits = hashlib.sha256(f"vehicle {number}".encode()).hexdigest()[:32]
    return digits.translate(str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst"))


def reads_table(rows):
    cameras = [row["camera_id"] for row in rows]
    columns = {
        "vehicle": pa.array([row["vehicle"] for row in rows], pa.string()),
        "batch_id": pa.array(["b" * 16] * len(rows), pa.string()),
        "row_no": pa.array(range(1, len(rows) + 1), pa.int64()),
        "captured_at": pa.array([row["captured_at"] for row in rows], pa.timestamp("us")),
        "camera_id": pa.array(cameras, pa.string()),
        "site_id": pa.array(cameras, pa.string()),
        "latitude": pa.array([PLACES[camera][0] for camera in cameras], pa.float64()),
        "longitude": pa.array([PLACES[camera][1] for camera in cameras], pa.float64()),
        "force": pa.array(["Merseyside"] * len(rows), pa.string()),
        "plate_repaired": pa.array([False] * len(rows), pa.bool_()),
        "confidence": pa.array([95.0] * len(rows), pa.float64()),
    }
    return pa.table(columns)


def drive(number, start, gap=0, legs=OUT_AND_BACK):
    return [
        {"vehicle": token(number), "camera_id": camera, "captured_at": start + timedelta(minutes=minutes, seconds=gap)}
        for camera, minutes in legs
    ]


def motorway(chance):
    """A convoy on eight days at any hour; a hundred commuters in the same queue each working day; one couple."""
    rows = []
    for offset in range(28):
        day = FIRST + timedelta(days=offset)
        if day.weekday() < 5:
            for number in (*QUEUE, *COUPLE):
                # the way back is not at the same distance as the way out
                for legs, hour in ((OUT_AND_BACK[:3], 7), (OUT_AND_BACK[3:], 15)):
                    start = day + timedelta(hours=hour, seconds=chance.randrange(3000))
                    rows += drive(number, start, 0, legs) if number not in COUPLE else []
            start = day + timedelta(hours=7, seconds=chance.randrange(600))
            rows += drive(COUPLE[0], start, 0, OUT_AND_BACK[:3]) + drive(COUPLE[1], start, 40, OUT_AND_BACK[:3])
        if offset % 7 in (1, 5):
            start = day + timedelta(hours=chance.randrange(5, 20), minutes=chance.randrange(60))
            rows += drive(CONVOY[0], start) + drive(CONVOY[1], start, 25)
    return sorted(rows, key=lambda row: (row["vehicle"], row["captured_at"]))


def windows(rows, threads=2, **settings):
    table = reads_table(rows) if isinstance(rows, list) else rows
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.register("given", table)
        connection.execute("CREATE TABLE reads AS FROM given")
        reads = ibis.table(READS, name="reads")
        return pair_window_table(reads, AS_OF, ConvoySettings(**settings), DuckDBEngine(connection))


def bytes_of(table):
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


@pytest.fixture(scope="module")
def rows():
    return motorway(random.Random(5))  # noqa: S311


@pytest.fixture(scope="module")
def found(rows):
    return windows(rows)


def of(found, *numbers):
    key = key_of(*(token(number) for number in numbers))
    (row,) = (row for row in found.to_pylist() if row["vehicle"] == key)
    return row


def test_keys_are_two_tokens_in_order(found):
    keys = found.column("vehicle").to_pylist()
    assert keys == sorted(set(keys))
    for key in keys:
        one, other = units_of(key)
        assert one < other
        assert is_about(key, "pair")
        assert not is_about(one, "pair")


def test_queues_on_a_motorway_rank_below_the_convoy(found):
    scores = dict(zip(found.column("vehicle").to_pylist(), surprise_rule(found), strict=True))
    queue = {token(number) for number in QUEUE}
    queued = [score for key, score in scores.items() if set(units_of(key)) <= queue]
    convoy = scores[key_of(*(token(number) for number in CONVOY))]
    assert len(queued) > 10
    assert max(queued) < convoy / 2


def test_the_figures_are_those_of_the_journeys(found):
    row = of(found, *CONVOY)
    assert (row["joint_days"], row["joint_trips"], row["return_days"]) == (8, 16, 8)
    assert (row["joint_sightings"], row["joint_cameras"]) == (48, 5)
    assert (row["gap_median_s"], row["lead_share"], row["partners_most"]) == (25, 1, 1)
    assert row["joint_share_least"] == row["joint_share_most"] == 1
    assert row["far_trips"] == 16
    assert row["expected_days"] < 0.2
    couple = of(found, *COUPLE)
    assert (couple["joint_days"], couple["return_days"]) == (20, 0)
    assert couple["joint_office_share"] == 1


def test_sentences_say_what_is_true(found):
    pattern, row = get_pattern("convoy"), of(found, *CONVOY)
    told = pattern.explain(row, dict.fromkeys(pattern.feature_names, 1.0), ConvoySettings(), 99).reasons
    assert "16 journeys together in 28 days, on 8 days" in told
    assert "median 25 s between the two at 48 sightings" in told
    assert "8 of 8 joint days had two joint journeys or more" in told
    cautions = pattern.explain(row, {}, ConvoySettings()).cautions
    assert any("household" in caution for caution in cautions)


def test_two_readings_of_one_plate_are_cautioned(rows):
    twice = [row | {"vehicle": token(9)} for row in rows if row["vehicle"] == token(1)]
    row = of(windows(rows + twice), 1, 9)
    cautions = get_pattern("convoy").explain(row, {}, ConvoySettings()).cautions
    assert any("one vehicle whose plate is read in two ways" in caution for caution in cautions)


def test_the_same_bytes_for_any_threads_and_order(rows, found):
    table = reads_table(rows)
    order = list(range(table.num_rows))
    random.Random(1).shuffle(order)  # noqa: S311
    assert bytes_of(windows(table.take(pa.array(order)), threads=1)) == bytes_of(found)


def test_one_day_together_is_no_pair_and_an_empty_window_has_none():
    start = FIRST + timedelta(hours=9)
    once = drive(1, start) + drive(2, start, 20)
    assert windows(once).num_rows == 0
    assert windows(once[:0]).num_rows == 0
    assert windows(once + drive(1, start + timedelta(days=1)) + drive(2, start + timedelta(days=1), 20)).num_rows == 1


def test_a_plate_that_is_read_all_the_time_takes_no_time(rows):
    stuck = [
        {"vehicle": token(8), "camera_id": "road-1", "captured_at": FIRST + timedelta(seconds=20 * number)}
        for number in range(60_000)
    ]
    found = windows(rows + stuck)
    assert not any(token(8) in key for key in found.column("vehicle").to_pylist())


def test_analysts_look_at_half_as_many_pairs_as_vehicles():
    assert get_pattern("convoy").k(20) == 10
    assert get_pattern("convoy").k(1) == 1
    assert get_pattern("county_lines").k(20) == 20
