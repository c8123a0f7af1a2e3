"""The facts of one vehicle, recomputed from the reads by other means; and what is refused."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.layers.manifests import PartRef
from data_contracts.layers.reads import READS_COLUMNS
from data_contracts.registers.cameras import RegisterRef
from infra.errors import WrongInputError
from infra.lake import Lake, file_sha256
from models.features.settings import PatternSettings
from models.profile import VehicleProfile, build_profile, require_vehicle_key, rows_set_apart, weigh_look_alikes
from models.profile.build import NEEDS_OTHERS
from models.windows import build_windows

ROCU = "nwrocu"
AS_OF = date(2026, 4, 5)
SETTINGS = PatternSettings(window_days=14)
FIRST = AS_OF - timedelta(days=13)
CAMERAS = {
    "hub-1": (53.40, -2.98, "merseyside"),
    "hub-2": (53.42, -2.94, "merseyside"),
    "road-1": (53.70, -2.75, "lancashire"),
    "town-1": (54.32, -2.74, "cumbria"),
    "quiet-1": (53.43, -2.96, "merseyside"),
}
RUN = (("hub-1", 0), ("road-1", 30), ("town-1", 85), ("town-1", 145), ("road-1", 200), ("hub-2", 230))


def token(number: int) -> str:
    return f"{number:032x}".translate(str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst"))


SUBJECT, FOLLOWER, COMMUTER, CLONED, ONCE, OLD = map(token, range(1, 7))
Rows = list[tuple[str, str, datetime]]


def at(day: int, hour: int, minute: float = 0) -> datetime:
    return datetime(FIRST.year, FIRST.month, FIRST.day, hour) + timedelta(days=day, minutes=minute)  # noqa: DTZ001


def run_of(vehicle: str, day: int, hour: int, late: float = 0) -> Rows:
    return [(vehicle, camera, at(day, hour, minute + late)) for camera, minute in RUN]


def world_rows() -> Rows:
    rows: Rows = []
    for day in (1, 4, 8, 11):
        rows += run_of(SUBJECT, day, 9)
    for day in (1, 4, 8):
        rows += run_of(FOLLOWER, day, 9, late=0.5)
    for day in (0, 2, 3, 5, 6, 7):
        rows += run_of(COMMUTER, day, 9)
    rows += run_of(CLONED, 3, 10)
    rows += [(CLONED, "hub-1", at(3, 11, 50)), (CLONED, "hub-1", at(6, 12)), (CLONED, "town-1", at(6, 12, 10))]
    rows += [(ONCE, "hub-1", at(5, 3))]
    rows += [(OLD, "hub-1", at(-3, 7))]
    return rows


def table_of(rows: Rows, batch: str = "00aa00aa00aa00aa") -> pa.Table:
    kinds = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "BOOLEAN": pa.bool_(), "DOUBLE": pa.float64()}
    schema = pa.schema([(name, kinds.get(kind, pa.timestamp("us"))) for name, kind in READS_COLUMNS.items()])
    listed = [
        {
            "batch_id": batch,
            "row_no": number,
            "vehicle": vehicle,
            "plate_format": "current",
            "plate_repaired": number % 7 == 0,
            "captured_at": captured,
            "camera_id": camera,
            "site_id": f"S-{camera}",
            "latitude": CAMERAS[camera][0],
            "longitude": CAMERAS[camera][1],
            "force": CAMERAS[camera][2],
            "confidence": 40.0 if number % 11 == 0 else 95.0,
            "contract_version": "1.0.0",
        }
        for number, (vehicle, camera, captured) in enumerate(rows, 1)
    ]
    return pa.Table.from_pylist(listed, schema=schema)


class Room:
    """A lake with reads by day and a register."""

    def __init__(self, root: Path, rows: Rows) -> None:
        self.lake, self.table = Lake(root), table_of(rows)
        days = sorted({row[2].date() for row in rows})
        self.parts = tuple(self._part(day) for day in days)
        self.register = self._register()
        self._made: dict[tuple[str, tuple[PartRef, ...], tuple[PartRef, ...]], VehicleProfile] = {}

    def _part(self, day: date) -> PartRef:
        path = self.lake.folder("reads", ROCU, date=day.isoformat()) / "one.parquet"
        path.parent.mkdir(parents=True)
        chosen = [row for row in self.table.to_pylist() if row["captured_at"].date() == day]
        pq.write_table(pa.Table.from_pylist(chosen, schema=self.table.schema), path)
        relative = self.lake.relative(path)
        return PartRef(layer="reads", path=relative, sha256=file_sha256(path), rows=len(chosen), date=day)

    def _register(self) -> RegisterRef:
        path = self.lake.folder("registers", ROCU) / "one.parquet"
        path.parent.mkdir(parents=True)
        places = {row["camera_id"]: (row["latitude"], row["longitude"]) for row in self.table.to_pylist()}
        known = places | {name: CAMERAS[name][:2] for name in CAMERAS}
        with duckdb.connect() as connection:
            connection.execute(
                "CREATE TABLE r (camera_id VARCHAR, latitude DOUBLE, longitude DOUBLE, valid_from TIMESTAMP,"
                " valid_to TIMESTAMP, force VARCHAR, site_id VARCHAR, kind VARCHAR, road VARCHAR, bearing DOUBLE)"
            )
            for name, (latitude, longitude) in known.items():
                begin = at(3, 12) if name == "quiet-1" else at(-300, 0)
                row = (name, latitude, longitude, begin, None, "merseyside", f"S-{name}", "fixed", "A59", None)
                connection.execute("INSERT INTO r VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            connection.execute(f"COPY r TO '{path}' (FORMAT parquet)")
            rows = connection.execute("FROM r ORDER BY camera_id, valid_from").fetchall()
        return RegisterRef(
            digest=hashlib.sha256("\n".join(map(repr, rows)).encode()).hexdigest(),
            path=self.lake.relative(path),
            cameras=len(known),
            sites=len(known),
            rows=len(known),
            loaded_at=datetime(2026, 1, 1, tzinfo=UTC),
            delivered_sha256="e" * 64,
        )

    def profile(self, vehicle: str, set_apart: Iterable[PartRef] = (), notes: Iterable[PartRef] = ()) -> VehicleProfile:
        """Made once of each vehicle: nothing changes the reads of a room."""
        key = (vehicle, tuple(set_apart), tuple(notes))
        if key not in self._made:
            with duckdb.connect() as connection:
                self._made[key] = build_profile(
                    connection, self.lake, self.parts, self.register, vehicle, "county_lines", AS_OF, SETTINGS, *key[1:]
                )
        return self._made[key]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return Room(tmp_path_factory.mktemp("room"), world_rows())


def kilometres(one: str, other: str) -> float:
    (a, b, _), (c, d, _) = CAMERAS[one], CAMERAS[other]
    cosine = math.sin(math.radians(a)) * math.sin(math.radians(c))
    cosine += math.cos(math.radians(a)) * math.cos(math.radians(c)) * math.cos(math.radians(b - d))
    return 6371.009 * math.acos(min(1.0, cosine))


def test_every_read_is_there_with_its_batch_and_row(room: Room) -> None:
    profile = room.profile(SUBJECT)
    own = [row for row in room.table.to_pylist() if row["vehicle"] == SUBJECT]
    assert [(read.at.replace(tzinfo=None), read.camera.camera_id, read.row_no) for read in profile.reads] == [
        (row["captured_at"], row["camera_id"], row["row_no"]) for row in own
    ]
    (batch,) = profile.batches
    assert batch.rows == tuple(sorted(row["row_no"] for row in own))
    assert profile.reads[0].camera.label == "A59, site S-hub-1"


@pytest.mark.parametrize("vehicle", [SUBJECT, FOLLOWER, CLONED, ONCE])
def test_features_are_those_of_the_windows_of_all_vehicles(room: Room, vehicle: str) -> None:
    with duckdb.connect() as connection:
        windows = build_windows(connection, room.lake, room.parts, AS_OF, SETTINGS).to_pylist()
    row = next(row for row in windows if row["vehicle"] == vehicle)
    features = room.profile(vehicle).features
    wanted = {name: value for name, value in row.items() if name not in (*NEEDS_OTHERS, "vehicle")}
    assert {name: features[name] for name in wanted} == wanted


def test_places_visits_and_hours(room: Room) -> None:
    profile = room.profile(SUBJECT)
    town = next(place for place in profile.places if place.anchor.camera_id == "town-1")
    assert (town.reads, town.days, town.visits) == (8, 4, 4)
    assert town.dwell_s == 4 * 60 * 60
    assert town.longest_s == 3600
    base = next(place for place in profile.places if place.base)
    assert base.number == profile.base
    assert {camera.camera_id for camera in base.cameras} <= {"hub-1", "hub-2"}
    assert sum(place.reads for place in profile.places) == len(profile.reads)
    assert len(profile.journeys) == 8
    assert len(profile.trips) == 4
    assert all(trip.stay_s == 3600 for trip in profile.trips)


def test_impossible_hops_have_both_cameras_times_and_the_speed(room: Room) -> None:
    faults = room.profile(CLONED).faults
    found = [(hop.first.camera.camera_id, hop.second.camera.camera_id) for hop in faults.hops]
    own = sorted((row[2], row[1]) for row in world_rows() if row[0] == CLONED)
    wanted = []
    for (earlier, one), (later, other) in pairwise(own):
        hours, distance = (later - earlier).total_seconds() / 3600, kilometres(one, other)
        if distance >= 5 and distance / hours > 160:
            wanted.append((one, other, distance / hours))
    assert found == [(one, other) for one, other, _ in wanted]
    assert len(found) >= 3
    for hop, (_, _, speed) in zip(faults.hops, wanted, strict=True):
        assert hop.speed_kmh == pytest.approx(speed, rel=0.001)
    assert any("cloned plate" in sentence for sentence in faults.sentences)
    assert any("misread" in sentence for sentence in faults.sentences)


def test_hops_between_two_sites_only_also_point_to_a_clock_or_a_position(tmp_path: Path) -> None:
    rows = [
        (SUBJECT, camera, at(day, 9, minute)) for day in (1, 2, 3) for camera, minute in (("hub-1", 0), ("town-1", 9))
    ]
    faults = Room(tmp_path, rows).profile(SUBJECT).faults
    assert len(faults.hops) == 3
    assert any("S-hub-1 and S-town-1" in sentence for sentence in faults.sentences)
    assert any("cloned" in sentence for sentence in faults.sentences)


def test_repaired_and_unsure_reads_are_counted(room: Room) -> None:
    profile = room.profile(SUBJECT)
    own = [row for row in room.table.to_pylist() if row["vehicle"] == SUBJECT]
    assert profile.faults.repaired == sum(row["plate_repaired"] for row in own) > 0
    assert profile.faults.doubtful == sum(row["confidence"] < 60 for row in own) > 0
    assert f"The plate text of {profile.faults.repaired} of {len(own)} reads" in profile.faults.sentences[0]


def test_a_vehicle_that_goes_with_it_is_company_and_one_of_the_same_hours_is_not(room: Room) -> None:
    profile = room.profile(SUBJECT)
    (other,) = profile.companions
    assert (other.vehicle, other.legs, other.days) == (FOLLOWER, 12, 3)
    # on shuffled days: each of its 16 legs meets every run of the follower on another day
    legs_by_day = dict.fromkeys((1, 4, 8, 11), 4)
    met = sum(legs * sum(day != own for day in (1, 4, 8)) for own, legs in legs_by_day.items())
    assert other.by_habit == pytest.approx(met / 13)
    assert COMMUTER not in {companion.vehicle for companion in profile.companions}


def test_silent_cameras_near_its_places(room: Room) -> None:
    coverage = room.profile(SUBJECT).coverage
    quiet = next(cover for cover in coverage.cameras if cover.camera.camera_id == "quiet-1")
    assert quiet.days[:3] == ("unregistered",) * 3
    assert quiet.silent == quiet.expected == 11
    assert not quiet.saw_it
    expected = silent = 0
    days = [FIRST + timedelta(days=number) for number in range(14)]
    for name in CAMERAS:
        seen = {row[2].date() for row in world_rows() if row[1] == name}
        held = days[3:] if name == "quiet-1" else days
        expected, silent = expected + len(held), silent + sum(day not in seen for day in held)
    assert coverage.uptime == pytest.approx(1 - silent / expected)
    assert coverage.gaps[0].until - coverage.gaps[0].since == timedelta(days=4) - timedelta(minutes=230)
    assert any(cell.cameras == 0 for cell in coverage.cells)
    assert sum(cell.cameras for cell in coverage.cells) == len(CAMERAS)


def test_rows_that_the_contract_set_apart_are_named_by_rule(room: Room) -> None:
    path = room.lake.folder("quarantine", ROCU) / "q.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        (SUBJECT, at(2, 3), ["b", "a"]),
        (SUBJECT, at(2, 4), ["a", "b"]),
        (SUBJECT, at(-9, 4), ["a"]),
        (ONCE, at(2, 4), ["a"]),
    ]
    columns = {"vehicle": [r[0] for r in rows], "captured_at": [r[1] for r in rows], "rules": [r[2] for r in rows]}
    pq.write_table(pa.table(columns), path)
    part = PartRef(layer="quarantine", path=room.lake.relative(path), sha256=file_sha256(path), rows=4)
    faults = room.profile(SUBJECT, [part]).faults
    assert faults.set_apart == (("a, b", 2),)
    assert "2 rows delivered for this plate" in rows_set_apart(faults)[0]


def test_what_ingest_noted_beside_reads_is_evidence_that_they_may_be_wrong(tmp_path: Path) -> None:
    room = Room(tmp_path, world_rows())
    path = room.lake.folder("notes", ROCU) / "n.parquet"
    path.parent.mkdir(parents=True)
    own = [row for row in room.table.to_pylist() if row["vehicle"] == ONCE]
    noted = [
        {"vehicle": ONCE, "other_vehicle": SUBJECT, "rule": "plate_format_unknown", "cause": "repair",
         "confusion": "5/S", "score": 0.5, "batch_id": own[0]["batch_id"], "row_no": own[0]["row_no"],
         "camera_id": "hub-1", "captured_at": at(5, 7), "value": None},
        {"vehicle": ONCE, "other_vehicle": None, "rule": "impossible_speed", "cause": "vehicle_clone",
         "confusion": None, "score": 0.8, "batch_id": own[0]["batch_id"], "row_no": own[0]["row_no"],
         "camera_id": "hub-1", "captured_at": at(5, 7), "value": 412.3},
        {"vehicle": ONCE, "other_vehicle": COMMUTER, "rule": "misread_pair", "cause": "undecided", "confusion": "8/B",
         "score": 0.5, "batch_id": "b", "row_no": 9, "camera_id": "hub-1", "captured_at": at(-3, 7)},
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(noted), path)
    part = PartRef(layer="notes", path=room.lake.relative(path), sha256=file_sha256(path), rows=3)
    faults = room.profile(ONCE, notes=[part]).faults
    assert [(note.other_vehicle, note.score, note.reason) for note in faults.noted] == [
        (None, 0.8, "a cloned plate"),
        (SUBJECT, 0.5, "a known plate is one confusion away; 5 read for S"),
    ]
    assert faults.noted[0].measured == "412 km/h"
    assert faults.of_others == ()
    assert faults.any
    assert "1 other plate one confusion of the reader away was suggested for 1 of 1 read:" in faults.sentences[-2]
    assert faults.sentences[-1] == "1 read was noted then: a cloned plate."
    (meant,) = room.profile(SUBJECT, notes=[part]).faults.of_others
    assert (meant.vehicle, meant.row_no) == (ONCE, own[0]["row_no"])
    assert "1 read of 1 other plate in these days may have been of this vehicle" in str(
        room.profile(SUBJECT, notes=[part]).faults.sentences
    )
    assert room.profile(COMMUTER, notes=[part]).faults.of_others == ()


def test_one_read_is_a_profile_too(room: Room) -> None:
    profile = room.profile(ONCE)
    assert (len(profile.reads), len(profile.journeys), len(profile.places)) == (1, 1, 1)
    assert (profile.trips, profile.companions, profile.coverage.gaps) == ((), (), ())
    assert weigh_look_alikes({**profile.settings, **profile.features})


@pytest.mark.parametrize("vehicle", [OLD, token(99)])
def test_nothing_in_the_window_says_no_more_than_that(room: Room, vehicle: str) -> None:
    with pytest.raises(WrongInputError, match="nothing to show") as refusal:
        room.profile(vehicle)
    assert vehicle not in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "words"),
    [(f"{SUBJECT}+{FOLLOWER}", "pair"), ("AB12CDE", "not a vehicle token"), ("", "not a vehicle token"),
     (f"{SUBJECT}+", "not a vehicle token"), (SUBJECT.upper(), "not a vehicle token")],
)  # fmt: skip
def test_what_is_not_one_vehicle_is_refused_and_not_repeated(key: str, words: str) -> None:
    with pytest.raises(WrongInputError, match=words) as refusal:
        require_vehicle_key(key)
    assert not key or key not in str(refusal.value)


def test_a_camera_at_the_pole_and_very_many_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CAMERAS, "pole", (90.0, 0.0, "merseyside"))
    rows = [(SUBJECT, "hub-1", at(1, 0, number / 60)) for number in range(20_000)] + [(SUBJECT, "pole", at(5, 1))]
    profile = Room(tmp_path, rows).profile(SUBJECT)
    assert len(profile.reads) == 20_001
    assert len(profile.places) == 2


FACTS = {"reads": 100, "window_days": 28, "night_from_hour": 22, "night_to_hour": 5, "away_km": 60, "run_km": 20,
         "short_stay_minutes": 240}  # fmt: skip


def alike(name: str, **facts: float) -> tuple[list[str], list[str]]:
    one = next(one for one in weigh_look_alikes({**FACTS, **facts}) if one.name.startswith(name))
    return [rule for _, rule in one.speaks_for], [rule for _, rule in one.against]


def test_look_alikes_say_what_speaks_for_and_against_with_the_rule() -> None:
    assert alike("Courier", office_share=0.9, night_share=0.0) == (["office_share ≥ 0.7"], [])
    assert alike("Courier", office_share=0.69, night_share=0.3) == ([], ["night_share ≥ 0.2"])
    assert alike("Carer", night_share=0.4, away_trips=3) == (["night_share ≥ 0.2"], ["away_trips ≥ 2"])
    assert alike("Split", away_trips=4, trip_weekend_share=0.75, trip_gap_days=14.0)[0] == [
        "trip_weekend_share ≥ 0.7, away_trips ≥ 2",
        "13 ≤ trip_gap_days ≤ 15, away_trips ≥ 3",
    ]
    assert alike("Hire", life_days=6, first_seen_day=20, silent_days=2)[0] == ["life_days ≤ 14", "first_seen_day ≥ 7"]
    assert alike("Taxi", journeys_per_day=9.0, reads_per_day=30.0, days_seen=20)[0] == [
        "journeys_per_day ≥ 6",
        "reads_per_day ≥ 15",
    ]


def test_short_runs_speak_against_lives_that_do_not_make_them_and_hours_for_a_round() -> None:
    runs = {"quick_runs": 4, "quick_run_stop_min": 41.0, "quick_run_work_share": 0.25, "quick_run_main_share": 0.75}
    assert alike("Carer", night_share=0.4, **runs) == (["night_share ≥ 0.2"], ["quick_runs ≥ 3"])
    assert alike("Commuter", **runs)[1] == ["quick_run_stop_min ≤ 120, quick_runs ≥ 2"]
    assert alike("Commuter", **runs | {"quick_runs": 1}) == alike("Split", away_trips=2, trip_gap_days=7.0) == ([], [])
    assert alike("Courier", **runs) == ([], ["quick_run_work_share ≤ 0.3, quick_runs ≥ 2"])
    assert alike("Courier", **runs | {"quick_run_work_share": 1.0})[0] == ["quick_run_work_share ≥ 0.8, quick_runs ≥ 2"]
    assert alike("Haulier", longest_reach_km=130, **runs) == (["longest_reach_km ≥ 100"], ["quick_runs ≥ 3"])
    visits = {"other_place": 3, "other_place_days": 5, "other_place_hours": 11.0}
    assert alike("Partner", **visits)[0][1] == "1.5 ≤ other_place_hours ≤ 16, other_place_days ≥ 2"
    assert alike("Partner", **visits | {"other_place_hours": 0.7})[1] == ["other_place_hours ≤ 1, other_place_days ≥ 2"]


def test_a_base_is_held_from_the_first_read_on_not_before(room: Room) -> None:
    profile = room.profile(SUBJECT)
    times = [read.at for read in profile.reads]
    at_base = sum(
        (after.start_at - one.end_at).total_seconds()
        for one, after in zip(profile.journeys, profile.journeys[1:], strict=False)
        if one.destination == profile.base
    )
    held = profile.features["base_held_share"]
    assert held == pytest.approx(at_base / (max(times) - min(times)).total_seconds())
    assert 0 < held < 1


def test_unknown_facts_say_nothing_and_the_likeliest_comes_first() -> None:
    assert all(not one.speaks_for and not one.against for one in weigh_look_alikes({**FACTS, "night_share": math.nan}))
    assert weigh_look_alikes({**FACTS, "night_share": 0.6})[0].name == "Carer or nurse on nights"
