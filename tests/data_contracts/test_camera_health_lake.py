"""The health of cameras from the lake: hours of what was sent, accepted or not; who may look, and that it is logged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from loop_support import PEOPLE, Said, log_register, run, token

from data_contracts.health.examine import health_of_lake
from data_contracts.health.results import HealthReport
from data_contracts.health.sent_hours import sent_hours
from data_contracts.health.together import told_together
from data_contracts.judgement.limits import IngestLimits
from data_contracts.layers.reads import batches, layer_parts
from infra.engine import open_engine

REGISTER = "camera_id,latitude,longitude,valid_from,valid_to,force,site_id\n" + "".join(
    f"CAM-{i},{53.4 + i * 0.1:.2f},-2.98,2025-01-01,,Merseyside,SITE-{i // 2}\n" for i in range(6)
)
FIRST, WEEKS = datetime(2026, 4, 13, tzinfo=UTC), 5
OUT = (FIRST + timedelta(days=23, hours=9), FIRST + timedelta(days=23, hours=21))
ENDED, RETENTION_DAYS = FIRST + timedelta(weeks=WEEKS), 365
HEADER = "vrm,captured_at,camera_id,confidence,received_at"
DAY = "2026-05-12"
RESET = "AB12CDE,1970-01-01T00:00:12Z,CAM-1,95,"


@cache
def rows(confidence_falls: bool = False, seed: int = 1) -> list[str]:
    """Reads of six cameras over six weeks; CAM-2 is out for twelve hours, CAM-4 sends a broken plate all the while."""
    rng = np.random.default_rng(seed)
    made = []
    for hour in range(WEEKS * 168):
        at = FIRST + timedelta(hours=hour)
        usual = 0.2 + 4 * np.exp(-(((at.hour - 13) / 4) ** 2))
        for camera in range(6):
            if camera == 2 and OUT[0] <= at < OUT[1]:
                continue
            for second in np.sort(rng.choice(3500, rng.poisson(usual), replace=False)):
                moment = at + timedelta(seconds=int(second))
                vrm = f"AB{rng.integers(51, 77)}C{rng.choice(list('ABCDEFGH'))}{rng.choice(list('ABCDEFGH'))}"
                sure = 90 + rng.normal(0, 3)
                if confidence_falls and camera == 5 and hour > 4 * 168:
                    sure -= 25
                made.append(
                    f"{vrm},{moment:%Y-%m-%dT%H:%M:%SZ},CAM-{camera},{min(sure, 100):.0f},{moment:%Y-%m-%dT%H:%M:%SZ}"
                )
    return made


def deliver(room: Any, name: str, lines: list[str], **limits: Any) -> Any:
    return room.ingest(room.write(name, "\n".join([HEADER, *lines]) + "\n"), **limits)


def report_of(
    room: Any, first: date = date(2026, 5, 4), last: date = date(2026, 5, 17), now: datetime = ENDED
) -> HealthReport:
    with open_engine(room.settings) as connection:
        return health_of_lake(
            connection, room.lake, room.rocu, first, last, IngestLimits(retention_days=RETENTION_DAYS), now
        ).report


def judged(room: Any, first: date = date(2026, 5, 4), last: date = date(2026, 5, 17)) -> list[tuple[str, str]]:
    return [(one.camera_id, one.kind) for one in report_of(room, first, last).intervals]


@pytest.fixture
def network(bare_room: Any) -> Any:
    bare_room.cameras(REGISTER)
    return bare_room


@pytest.fixture(scope="module")
def heard(room_again: Callable[..., Any]) -> Any:
    """All six weeks, and the row of a camera whose clock was reset; to be looked at, or copied."""
    room = room_again()
    room.cameras(REGISTER)
    deliver(room, "reads.csv", [*rows(), RESET])
    return room


@pytest.fixture(scope="module")
def before(room_again: Callable[..., Any]) -> Any:
    """All but one day, which was delivered and failed, since CAM-5 was not registered; to be copied."""
    room = room_again()
    header, *known = REGISTER.splitlines()
    room.cameras("\n".join([header, *(row for row in known if not row.startswith("CAM-5"))]) + "\n")
    refused = deliver(room, "day.csv", [line for line in rows() if DAY in line])
    assert refused.batches[0].verdict == "failed"
    room.cameras(REGISTER)
    deliver(room, "before.csv", [line for line in rows() if DAY not in line])
    return room


def test_every_row_with_a_camera_and_a_time_is_in_the_hours(network: Any) -> None:
    lines = [
        "AB12CDE,2026-05-18T08:00:00Z,CAM-1,95,2026-05-18T08:00:09Z",
        "AB12CDE,2026-05-18T08:00:01Z,CAM-1,95,2026-05-18T08:00:09Z",
        "XY12CDE,2026-05-18T08:30:00Z,CAM-1,140,2026-05-18T08:30:02Z",
        "XY12CDF,2026-05-18T09:30:00Z,CAM-1,38,2026-05-18T10:30:00Z",
        "XY12CDG,2026-05-18T09:30:00Z,NOWHERE,50,2026-05-18T10:30:00Z",
        "XY12CDG,not a time,CAM-1,50,2026-05-18T10:30:00Z",
    ]
    deliver(network, "reads.csv", lines, max_quarantine_share=1)
    (part,) = layer_parts(network.lake, network.rocu, "camera_hours")
    with duckdb.connect() as connection:
        found = connection.execute(
            """SELECT camera_id, site_id, hour::VARCHAR, accepted, rejected, duplicates, confidence_bins, lateness_bins
                FROM read_parquet(?, hive_partitioning = false) ORDER BY hour""",
            [str(network.lake.root / part.path)],
        ).fetchall()
    assert [row[:6] for row in found] == [
        ("CAM-1", "SITE-0", "2026-05-18 08:00:00", 1, 1, 1),
        ("CAM-1", "SITE-0", "2026-05-18 09:00:00", 1, 0, 0),
    ]
    assert found[0][6] == [0] * 9 + [1]
    assert found[1][6] == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert found[0][7][3] == 1
    assert found[1][7][11] == 1


def test_an_outage_in_the_lake_and_falling_confidence_and_that_rubbish_is_no_silence(network: Any) -> None:
    lines = rows(confidence_falls=True)
    # CAM-4 sends confidences out of range for a day: rejected, but sent
    lines = [
        line.replace(f",{line.split(',')[3]},", ",140,") if ",CAM-4," in line and "2026-05-07" in line else line
        for line in lines
    ]
    deliver(network, "reads.csv", lines)
    assert judged(network) == [("CAM-2", "outage"), ("CAM-5", "confidence_decay")]
    assert judged(network, date(2026, 5, 8), date(2026, 5, 10)) == []


def sent_on_the_day(room: Any) -> int:
    with open_engine(room.settings) as connection:
        sent_hours(connection, room.lake, room.rocu, RETENTION_DAYS)
        ((sent,),) = connection.execute(f"SELECT sum(sent) FROM sent_hours WHERE hour::DATE = '{DAY}'").fetchall()
    return int(sent)


def failed_of(room: Any) -> str:
    (failed,) = {batch.batch_id for _, batch in batches(room.lake, room.rocu) if batch.verdict == "failed"}
    return str(failed)


def test_a_failed_batch_in_whose_place_another_is_delivered_counts_once(
    before: Any, room_again: Callable[..., Any]
) -> None:
    room, day = room_again(before), [line for line in rows() if DAY in line]
    good = room.write("good.csv", "\n".join([HEADER, *day[1:]]) + "\n")
    room.ingest(good, replaces=failed_of(room))
    assert sent_on_the_day(room) == len(day) - 1
    assert judged(room) == [("CAM-2", "outage")]


def command(room: Any, who: str | None, *more: str) -> Said:
    signed = token(room.settings.root, who) if who else None
    span = ("--from", "2026-05-04", "--to", "2026-05-17")
    return run(room.settings.root, "cameras", "health", "--rocu", "NWROCU", *span, *more, token=signed)


def test_who_may_look_and_that_looking_is_recorded(heard: Any, room_again: Callable[..., Any], tmp_path: Path) -> None:
    room = room_again(heard)
    log_register(room.settings.root)
    said = command(room, "operator", "--json", "--svg", str(tmp_path / "p.svg"))
    assert said.code == 0, said.err
    (one,) = said.data["intervals"]
    assert (one["camera_id"], one["kind"], one["seen"]) == ("CAM-2", "outage", 0)
    assert datetime.fromisoformat(one["from"]) <= OUT[0]
    assert datetime.fromisoformat(one["to"]) >= OUT[1]
    refused = command(room, "analyst")
    assert refused.code == 1
    assert "may not do cameras.health" in refused.err
    assert refused.out == ""
    assert command(room, None).code == 1
    search = ("audit", "search", "--action", "cameras.health", "--json")
    log = run(room.settings.root, *search, token=token(room.settings.root, "auditor")).data
    assert [(row["actor_name"], row["outcome"]) for row in log] == [
        (PEOPLE["operator"][0], "done"),
        (PEOPLE["analyst"][0], "refused"),
    ]
    assert log[0]["details"]["intervals"] == 1


def test_counts_for_a_rocu_need_its_permission(network: Any, tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    file.write_text("camera_id,bin_start,n\nc,2026-03-01T00:00:00Z,5\n")
    asked = ("cameras", "health", "--rocu", "nwrocu", "--counts", file)
    root = network.settings.root
    assert run(root, *asked, token=token(root, "analyst")).code == 1
    assert run(root, *asked, token=token(root, "validator")).code == 0


def test_a_rocu_without_a_register_or_without_reads(bare_room: Any) -> None:
    root = bare_room.settings.root
    said = command(bare_room, "operator")
    assert said.code == 2
    assert "no camera register" in said.err
    bare_room.cameras(REGISTER)
    log_register(root)
    said = command(bare_room, "operator", "--json")
    assert said.code == 0, said.err
    assert said.data["intervals"] == []
    assert "6 cameras of the register never sent a read" in said.data["notes"][0]
    assert any("ingest first" in note for note in said.data["notes"])
    bad = deliver(bare_room, "bad.csv", ["AB12CDE,2026-05-10T08:00:00Z,NOWHERE,95,2026-05-10T08:00:09Z"])
    assert bad.batches[0].verdict == "failed"
    notes = command(bare_room, "operator", "--json").data["notes"]
    assert any("1 batch that may hold reads of these days failed" in note for note in notes)
    assert not any("ingest first" in note for note in notes)
    assert root.is_dir()


def test_a_file_delivered_again_under_its_own_content_counts_in_the_judgement_that_holds(
    before: Any, room_again: Callable[..., Any]
) -> None:
    room = room_again(before)
    again = room.ingest(before.folder / "day.csv", replaces=failed_of(room))
    assert again.batches[0].verdict == "passed"
    assert sent_on_the_day(room) == again.batches[0].rows
    assert judged(room) == [("CAM-2", "outage")]


def test_a_reset_clock_makes_no_decades_of_silence(heard: Any) -> None:
    (part,) = layer_parts(heard.lake, heard.rocu, "camera_hours")
    with duckdb.connect() as connection:
        path = str(heard.lake.root / part.path)
        found = connection.execute("SELECT min(hour) FROM read_parquet(?)", [path]).fetchone()
    assert found is not None
    assert found[0] >= FIRST.replace(tzinfo=None)
    assert judged(heard) == [("CAM-2", "outage")]


def with_older_row(room: Any, hour: str) -> None:
    """Put a rejected row into the layer as earlier versions wrote it."""
    (part,) = layer_parts(room.lake, room.rocu, "camera_hours")
    path = str(room.lake.root / part.path)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE held AS FROM read_parquet('{path}', hive_partitioning = false)")
        connection.execute(
            f"""INSERT INTO held SELECT * REPLACE (TIMESTAMP '{hour}' AS hour, 0 AS accepted, 1 AS rejected)
                FROM held WHERE camera_id = 'CAM-1' LIMIT 1"""
        )
        connection.execute(f"COPY held TO '{path}' (FORMAT parquet)")


def test_a_lake_that_has_such_rows_already_is_judged_without_them(heard: Any, room_again: Callable[..., Any]) -> None:
    room = room_again(heard)
    with_older_row(room, "1970-01-01 00:00:00")
    report = report_of(room)
    assert [(one.camera_id, one.kind) for one in report.intervals] == [("CAM-2", "outage")]
    assert report.camera_bins <= 6 * WEEKS * 168
    assert any("1 rejected rows of 1 cameras from before 2025-05-17" in note for note in report.notes)


def test_more_hours_than_fit_leave_out_the_oldest(heard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_contracts.health.lake_counts.MOST_CELLS", 6 * 4 * 168)
    report = report_of(heard)
    assert [(one.camera_id, one.kind) for one in report.intervals] == [("CAM-2", "outage")]
    assert 6 * 4 * 168 - 50 < report.camera_bins <= 6 * 4 * 168
    assert any("those before 2026-04-20 00:00 UTC are left out" in note for note in report.notes)


def test_a_row_of_a_camera_that_was_not_in_force_is_not_in_the_hours(bare_room: Any) -> None:
    bare_room.cameras(REGISTER.replace("53.50,-2.98,2025-01-01,", "53.50,-2.98,2026-05-18,"))
    lines = [
        "AB12CDE,2026-05-17T08:00:00Z,CAM-1,95,2026-05-17T08:00:09Z",
        "AB12CDE,2026-05-18T08:00:00Z,CAM-1,95,2026-05-18T08:00:09Z",
    ]
    deliver(bare_room, "reads.csv", lines, max_quarantine_share=1)
    (part,) = layer_parts(bare_room.lake, bare_room.rocu, "camera_hours")
    assert part.rows == 1


def test_a_file_delivered_again_with_a_row_changed_counts_once(before: Any, room_again: Callable[..., Any]) -> None:
    room, day = room_again(before), [line for line in rows() if DAY in line]
    # a camera of which all is rejected must not be counted twice either
    day = [line.replace(f",{line.split(',')[3]},", ",140,") if ",CAM-4," in line else line for line in day]
    file = room.write("again.csv", "\n".join([HEADER, *day]) + "\n")
    room.ingest(file, replaces=failed_of(room), max_quarantine_share=1)
    changed = [day[0].replace("AB", "XY", 1), *day[1:]]
    again = deliver(room, "changed.csv", changed, max_quarantine_share=1)
    assert again.batches[0].repeats
    assert sent_on_the_day(room) == len(day) + 1
    assert judged(room) == [("CAM-2", "outage")]


def test_a_lake_that_falls_silent_is_told(network: Any) -> None:
    deliver(network, "reads.csv", [line for line in rows() if line.split(",")[1] < "2026-05-14"])
    report = report_of(network, now=ENDED + timedelta(days=9))
    (line,) = [one for one in told_together(report.intervals) if one.camera_id == "(all)"]
    assert line.kind == "network_outage"
    assert line.start <= datetime(2026, 5, 14, tzinfo=UTC)
    assert line.end == datetime(2026, 5, 18, tzinfo=UTC)
    assert line.ongoing
    until_now = report_of(network, now=datetime(2026, 5, 16, 12, 30, tzinfo=UTC))
    assert max(one.end for one in until_now.intervals) == datetime(2026, 5, 16, 12, tzinfo=UTC)


def test_reads_that_may_only_be_late_are_noted(network: Any) -> None:
    deliver(network, "reads.csv", [line for line in rows() if line.split(",")[1] < "2026-05-17T10"])
    report = report_of(network)
    assert [(one.camera_id, one.kind) for one in report.intervals] == [("CAM-2", "outage")]
    assert any(note == "No reads at all after 2026-05-17 10:00 UTC; not judged from then on." for note in report.notes)
    assert not any("No reads at all" in note for note in report_of(network, last=date(2026, 5, 16)).notes)
