from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from datetime import date, datetime, timedelta

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from annotated_types import Le
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts.layers.manifests import PartRef
from data_contracts.layers.reads import READS_COLUMNS
from infra.errors import FaultError, RefusedError
from infra.lake import Lake
from infra.settings import Settings
from models import days
from models.day_seal import SEAL, KeptDays, kept_days
from models.days import build_windows_by_day, day_folder, share_digest
from models.features import day_parts
from models.features.settings import PatternSettings
from models.patterns import get_pattern
from models.window_engines import open_windows
from models.windows import READS, build_windows

FIRST = date(2026, 3, 22)
DAYS = 10
LAST = FIRST + timedelta(days=DAYS - 1)
OWN = PatternSettings(window_days=7, away_km=40, co_travel_legs=1, co_travel_days=1)
TOLD: list[str] = []
KEPT = KeptDays("nwrocu", b"k" * 32, TOLD.append)
NAMES = pa.schema(
    [
        *READS.to_pyarrow().remove_metadata(),
        *(
            (
                name,
                pa.timestamp("us")
                if name == "received_at"
                else pa.bool_()
                if name.startswith("motion")
                else pa.string(),
            )
            for name in READS_COLUMNS
            if name not in READS
        ),
    ]
)


def reads_of(chance: random.Random, forces: bool) -> list[dict[str, object]]:
    """Vehicles that travel by night as by day, some for days on end, in pairs, with ties and reads out of nowhere.

    Positions waver from read to read.
    """
    cameras = [
        (f"c{n}", 51 + chance.random() * 3, -2 + chance.random() * 2, chance.choice(["a", "b", None]))
        for n in range(12)
    ]
    rows: list[dict[str, object]] = []
    for vehicle in range(14):
        for _ in range(chance.randrange(1, 9)):
            at = datetime.combine(FIRST, datetime.min.time()) + timedelta(
                days=chance.randrange(DAYS), hours=chance.choice([3, 12, 23]), seconds=chance.randrange(7200)
            )
            for _ in range(chance.randrange(1, 9)):
                camera, latitude, longitude, force = chance.choice(cameras)
                row = {
                    "camera_id": camera,
                    "site_id": camera,
                    "latitude": latitude + chance.choice([0, 0.0003]),
                    "longitude": longitude,
                    "force": chance.choice([force, None]) if forces else force,
                    "plate_repaired": chance.choice([True, False, None]),
                    "confidence": chance.choice([None, 30.0, 90.0]),
                    "batch_id": f"b{chance.randrange(3)}",
                }
                follower = at + timedelta(seconds=chance.randrange(30))
                rows.append(row | {"vehicle": f"v{vehicle:02}", "captured_at": at, "row_no": len(rows)})
                if vehicle % 3 == 0:
                    rows.append(row | {"vehicle": f"w{vehicle:02}", "captured_at": follower, "row_no": len(rows)})
                at += timedelta(minutes=chance.choice([0, 5, 14, 100, 1500]), seconds=chance.randrange(60))
    return rows


def deliver(lake: Lake, rows: list[dict[str, object]]) -> list[PartRef]:
    """One part a day, as an ingest writes them."""
    by_day = defaultdict(list)
    for row in rows:
        by_day[row["captured_at"].date()].append(row)
    parts = []
    for day, own in by_day.items():
        own.sort(key=lambda row: (row["vehicle"], row["captured_at"], row["batch_id"], row["row_no"]))
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(own, schema=NAMES), sink)
        content = sink.getvalue().to_pybytes()
        digest = hashlib.sha256(content).hexdigest()
        path = lake.folder("reads", "nwrocu", date=day.isoformat()) / f"{digest[:16]}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        parts.append(PartRef(layer="reads", path=lake.relative(path), sha256=digest, rows=len(own), date=day))
    return parts


def assert_same(lake: Lake, parts: list[PartRef], end: date, own: PatternSettings = OWN) -> pa.Table:
    with duckdb.connect(config={"threads": 2}) as connection:
        by_day = build_windows_by_day(connection, lake, KEPT, parts, end, own)
        at_once = build_windows(connection, lake, parts, end, own)
    assert by_day.to_pylist() == at_once.to_pylist()
    assert by_day.equals(at_once)
    return by_day


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), forces=st.booleans())
def test_windows_day_by_day_are_windows_from_all_reads_at_once(tmp_path_factory, seed, forces):
    chance = random.Random(seed)  # noqa: S311
    lake = Lake(tmp_path_factory.mktemp("lake"))
    rows = reads_of(chance, forces)
    late = [row for row in rows if row["batch_id"] == "b2"]
    parts = deliver(lake, [row for row in rows if row["batch_id"] != "b2"])
    end = FIRST + timedelta(days=chance.randrange(6, DAYS + 2))
    assert_same(lake, parts, end)
    with_late = [*parts, *deliver(lake, late)]
    assert_same(lake, with_late, end)
    assert_same(lake, with_late, end + timedelta(days=1))
    judged_again = deliver(lake, [row for row in rows if row["batch_id"] == "b1" and chance.random() < 0.8])
    others = [row for row in rows if row["batch_id"] == "b0"]
    assert_same(lake, [*deliver(lake, others), *judged_again], end, OWN.model_copy(update={"window_days": 10}))


def shares(lake: Lake) -> dict[str, int]:
    folder = lake.folder("days", "nwrocu")
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.glob("*/*/share=*")}


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path)


def test_a_late_file_renews_its_day_and_no_other(lake):
    rows = reads_of(random.Random(5), forces=False)  # noqa: S311
    parts = deliver(lake, rows)
    assert_same(lake, parts, LAST)
    before = shares(lake)
    day = LAST - timedelta(days=2)
    late = [row | {"row_no": 9000} for row in rows if row["captured_at"].date() == day][:1]
    assert_same(lake, [*parts, *deliver(lake, late)], LAST)
    after = shares(lake)
    renewed = before.keys() ^ after.keys()
    assert {name.split("/")[1] for name in renewed} == {f"date={day}"}
    assert len(renewed) == 1
    assert before.keys() < after.keys()
    assert all(after[name] == made for name, made in before.items() if name in after)


def test_a_share_that_is_gone_while_windows_are_built_is_a_fault_that_says_what_to_do(lake, monkeypatch):
    parts = deliver(lake, reads_of(random.Random(5), forces=False))  # noqa: S311
    assert_same(lake, parts, LAST)
    view = days._view

    def gone_by_then(cursor, shares, name):
        (shares[0] / "visits.parquet").unlink(missing_ok=True)
        view(cursor, shares, name)

    monkeypatch.setattr(days, "_view", gone_by_then)
    with duckdb.connect() as connection, pytest.raises(FaultError, match="share of the days of nwrocu"):
        build_windows_by_day(connection, lake, KEPT, parts, LAST, OWN)


@pytest.mark.parametrize("by_day", [False, True])
def test_windows_that_need_more_memory_than_there_is_are_a_fault_that_names_the_setting(lake, tmp_path, by_day):
    parts = deliver(lake, reads_of(random.Random(5), forces=False))  # noqa: S311
    limited = Settings(home=tmp_path, memory_limit="2KB", windows_by_day=by_day)
    with open_windows(limited, "nwrocu") as windows_of, pytest.raises(FaultError, match="more than the 2KB of memory"):
        windows_of(lake, parts, LAST, get_pattern("county_lines"), OWN)


def test_every_end_of_the_settings_can_be_computed(lake, tmp_path):
    """A policy that is taken makes no window that overflows."""
    ends = {
        name: int(bound.le)
        for name, field in PatternSettings.model_fields.items()
        for bound in field.metadata
        if field.annotation is int and isinstance(bound, Le) and not name.endswith("_hour")
    }
    parts = deliver(lake, reads_of(random.Random(5), forces=False))  # noqa: S311
    with open_windows(Settings(home=tmp_path), "nwrocu") as windows_of:
        for chosen in (ends, *({name: ends[name]} for name in ("min_speed_kmh", "max_speed_kmh"))):
            own = PatternSettings(**chosen)
            assert windows_of(lake, parts, LAST, get_pattern("county_lines"), own).num_rows


def emptied(share, other):
    """A table without the rows of one vehicle, as somebody would who wants it on no list."""
    path = share / "visits.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)


def exchanged(share, other):
    """A whole share of another day, well sealed, at this place."""
    for file in other.iterdir():
        (share / file.name).write_bytes(file.read_bytes())


def sealed_with_another_key(share, other):
    emptied(share, other)
    lake = Lake(share.parents[4])
    KeptDays("nwrocu", b"x" * 32, TOLD.append).seal(lake, share, share, day_parts.TABLES)


def without_a_seal(share, other):
    emptied(share, other)
    (share / SEAL).unlink()


def test_a_share_that_was_changed_is_told_and_made_anew_and_no_other(lake):
    parts = deliver(lake, reads_of(random.Random(5), forces=False))  # noqa: S311
    assert_same(lake, parts, LAST)
    found = sorted(lake.folder("days", "nwrocu").glob("*/*/share=*"))
    whole = {file for share in found for file in share.iterdir()}
    changes = (emptied, exchanged, sealed_with_another_key, without_a_seal)
    for change, share in zip(changes, found, strict=False):
        change(share, found[-1])
    TOLD.clear()
    assert_same(lake, parts, LAST)
    days_changed = [share.parent.name.removeprefix("date=") for share in found[: len(changes)]]
    said = [f"what is kept of {day} of nwrocu was changed after it was made: it is made anew" for day in days_changed]
    assert said == TOLD
    assert {file for share in found for file in share.iterdir()} == whole
    assert [path for share in found for path in share.parent.iterdir()] == found
    assert_same(lake, parts, LAST)
    assert len(TOLD) == len(changes)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_seals_nothing(tmp_path, length):
    settings = Settings(home=tmp_path)
    kept_days(settings, "nwrocu")
    (settings.keys / "days.key").write_bytes(b"k" * length)
    with pytest.raises(RefusedError, match=f"days.key has {length} bytes, not 32"):
        kept_days(settings, "nwrocu")


def test_another_version_of_a_library_makes_another_share(monkeypatch):
    before = share_digest([])
    monkeypatch.setattr(ibis, "__version__", "0.0")
    days._code_digest.cache_clear()
    try:
        assert share_digest([]) != before
    finally:
        days._code_digest.cache_clear()


def test_a_longer_window_uses_the_same_days_and_another_setting_does_not(lake):
    parts = deliver(lake, reads_of(random.Random(6), forces=False))  # noqa: S311
    assert_same(lake, parts, LAST)
    before = shares(lake)
    assert_same(lake, parts, LAST, OWN.model_copy(update={"window_days": 5}))
    assert shares(lake) == before
    assert day_folder(lake, "nwrocu", LAST, OWN) != day_folder(lake, "nwrocu", LAST, PatternSettings(place_km=3))


def test_a_journey_of_three_days_is_one(lake):
    steps = [(23 * 60 + 50, 52.0), (24 * 60 + 2, 52.05), (24 * 60 + 12, 52.3), (60 * 48 + 5, 58.0)]
    base = {"site_id": "s", "longitude": -1.0, "force": "a", "plate_repaired": False, "confidence": 90.0}
    rows = [
        base
        | {
            "vehicle": "v",
            "batch_id": "b",
            "row_no": number,
            "camera_id": f"c{number}",
            "latitude": latitude,
            "captured_at": datetime.combine(FIRST, datetime.min.time()) + timedelta(minutes=minute),
        }
        for number, (minute, latitude) in enumerate(steps)
    ]
    found = assert_same(lake, deliver(lake, rows), FIRST + timedelta(days=3)).to_pylist()
    assert (found[0]["journeys"], found[0]["longest_reach_km"]) == (1, 667)
