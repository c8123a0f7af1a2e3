"""Deployments, schedules, runs and workers on a real Prefect server: always read back from it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flows.deployments import ScheduleRow, deploy, run_worker, schedules, worker_command, worker_environment
from flows.runs import read_run, recent_runs, start_run
from flows.schedules import Schedules, load_schedules
from infra.clock import utc_now
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.settings import Settings

ROCUS = ["nwrocu", "tarian"]
LONDON = ZoneInfo("Europe/London")


@pytest.fixture(scope="module")
def plan() -> Schedules:
    return Schedules.model_validate(
        {
            "timezone": "Europe/London",
            "flows": {
                "ingest": "5 6-22 * * *",
                "daily": "30 4 * * *",
                "score": "0 13 * * *",
                "monitor": "0 14 * * 1",
                "retrain": "0 3 * * 0",
            },
            "rocus": {"tarian": {"daily": "45 4 * * *"}},
        }
    )


@pytest.fixture(scope="module")
def deployed(prefect_server: Settings, plan: Schedules) -> Settings:
    deploy(prefect_server, ROCUS, ["county_lines"], plan)
    return prefect_server


def planned(settings: Settings) -> list[ScheduleRow]:
    """The schedules once the server has planned a run of each."""
    until = time.monotonic() + 90
    rows = schedules(settings)
    while any(row.next_run is None for row in rows):
        assert time.monotonic() < until, "the server planned no run of some schedule"
        time.sleep(0.5)
        rows = schedules(settings)
    return rows


def test_the_server_has_one_schedule_per_rocu_and_flow(deployed: Settings) -> None:
    assert [(row.rocu, row.flow, row.cron, row.timezone, row.paused) for row in schedules(deployed)] == [
        ("nwrocu", "daily", "30 4 * * *", "Europe/London", False),
        ("nwrocu", "ingest", "5 6-22 * * *", "Europe/London", False),
        ("nwrocu", "monitor", "0 14 * * 1", "Europe/London", False),
        ("nwrocu", "retrain", "0 3 * * 0", "Europe/London", False),
        ("nwrocu", "score", "0 13 * * *", "Europe/London", False),
        ("tarian", "daily", "45 4 * * *", "Europe/London", False),
        ("tarian", "ingest", "5 6-22 * * *", "Europe/London", False),
        ("tarian", "monitor", "0 14 * * 1", "Europe/London", False),
        ("tarian", "retrain", "0 3 * * 0", "Europe/London", False),
        ("tarian", "score", "0 13 * * *", "Europe/London", False),
    ]


def test_the_server_really_plans_the_runs_at_the_hour_of_the_zone(deployed: Settings) -> None:
    due = {(row.rocu, row.flow): row.next_run for row in planned(deployed)}
    daily = due["tarian", "daily"]
    assert daily is not None
    assert daily > utc_now()
    assert daily.astimezone(LONDON).strftime("%H:%M") == "04:45"


def test_deploying_again_changes_nothing(deployed: Settings, plan: Schedules, ask: Callable[..., Any]) -> None:
    before = {held["id"] for held in ask("/deployments/filter")}
    # the hour may strike in between, so not the next run
    rows = [(row.flow, row.rocu, row.cron, row.timezone, row.paused) for row in planned(deployed)]
    again = deploy(deployed, ROCUS, ["county_lines"], plan)
    assert {str(one.deployment_id) for one in again} == before
    assert {held["id"] for held in ask("/deployments/filter")} == before
    assert [(row.flow, row.rocu, row.cron, row.timezone, row.paused) for row in planned(deployed)] == rows


def test_each_rocu_has_its_own_pool_and_no_deployment_holds_a_secret(
    deployed: Settings, ask: Callable[..., Any]
) -> None:
    held = ask("/deployments/filter")
    assert {(d["name"], d["work_pool_name"]) for d in held} == {
        ("nwrocu", "findprofile-nwrocu"),
        ("tarian", "findprofile-tarian"),
    }
    assert all(d["job_variables"] == {} for d in held)
    assert all(d["parameters"]["rocu"] == d["name"] for d in held)


def test_a_pause_by_hand_outlives_a_deploy(deployed: Settings, plan: Schedules, ask: Callable[..., Any]) -> None:
    import httpx

    [score] = [d for d in ask("/deployments/filter", flows={"name": {"any_": ["score"]}}) if d["name"] == "nwrocu"]
    address = f"{deployed.prefect_api_url}/deployments/{score['id']}"
    httpx.post(f"{address}/pause_deployment", timeout=10).raise_for_status()
    deploy(deployed, ["nwrocu"], ["county_lines"], plan)
    row = next(row for row in schedules(deployed) if (row.rocu, row.flow) == ("nwrocu", "score"))
    assert (row.paused, row.next_run) == (True, None)
    httpx.post(f"{address}/resume_deployment", timeout=10).raise_for_status()


def test_a_run_asked_for_twice_is_one_run(deployed: Settings) -> None:
    day = date(2026, 5, 3)
    first = start_run(deployed, "score", "tarian", day)
    assert first.name == "score tarian 2026-05-03"
    assert start_run(deployed, "score", "tarian", day).run_id == first.run_id
    assert start_run(deployed, "score", "tarian", date(2026, 5, 4)).run_id != first.run_id
    assert start_run(deployed, "monitor", "tarian", day).run_id != first.run_id


def test_a_run_of_what_is_not_deployed_is_wrong_input(deployed: Settings) -> None:
    with pytest.raises(WrongInputError, match="not deployed for swrocu"):
        start_run(deployed, "score", "swrocu", date(2026, 5, 3))


def test_a_worker_runs_a_deployment_as_its_own_token(deployed: Settings, inbox: Path, ask: Callable[..., Any]) -> None:
    run = start_run(deployed, "ingest", "nwrocu", date(2026, 5, 3))
    worker = subprocess.run(
        worker_command("nwrocu", "--run-once"), env=worker_environment(deployed), capture_output=True, check=False
    )
    assert worker.returncode == 0, worker.stderr.decode()
    ended = read_run(deployed, run.run_id)
    assert (ended.name, ended.state) == ("ingest nwrocu 2026-05-03", "Completed")
    assert run.run_id in {row.run_id for row in recent_runs(deployed, "nwrocu")}
    assert deployed.token is not None
    secret = deployed.token.get_secret_value().encode()
    kept = [path for path in (deployed.root / "prefect").rglob("*") if path.is_file()]
    assert [path.name for path in kept if secret in path.read_bytes()] == []


def test_a_worker_that_would_act_as_nobody_is_refused(deployed: Settings) -> None:
    with pytest.raises(RefusedError, match="nobody to act as"):
        run_worker(deployed.model_copy(update={"token": None}), "nwrocu")


def test_a_worker_of_a_rocu_that_is_not_deployed_is_told_to_deploy(deployed: Settings) -> None:
    with pytest.raises(FaultError, match="findprofile deploy --rocu swrocu"):
        run_worker(deployed, "swrocu")


def test_two_patterns_on_one_server_are_refused_before_anything_is_deployed(
    deployed: Settings, plan: Schedules
) -> None:
    with pytest.raises(WrongInputError, match="2 patterns"):
        deploy(deployed, ["swrocu"], ["county_lines", "other"], plan)
    assert {row.rocu for row in schedules(deployed)} == set(ROCUS)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("timezone: Europe/London\nflows: {ingest: '61 * * * *'}", "61"),
        ("timezone: Europe/Londinium\nflows: {}", "Londinium"),
        ("timezone: Europe/London\nflows: {ingestt: '5 * * * *'}", "ingestt"),
        ("timezone: Europe/London\nflows: {}\nrocu: {}", "rocu"),
        ("timezone: [", "cannot be read"),
    ],
)
def test_a_schedules_file_is_strict(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "schedules.yaml"
    path.write_text(text)
    with pytest.raises(WrongInputError, match=complaint):
        load_schedules(path)


def test_no_packaged_schedule_falls_into_the_hour_that_the_clocks_change() -> None:
    for flow, cron in load_schedules().flows.items():
        minute, hour, _, _, weekday = cron.split()
        assert minute.isdigit(), flow
        assert hour != "1" or weekday not in {"*", "0", "7"}, flow
