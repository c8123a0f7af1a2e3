"""What a flow run does and leaves on a real Prefect server. The steps are stand-ins; their outcomes are the cases."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows import steps
from flows.context import Context
from flows.inbox import clear_judged, waiting_files
from flows.server import call_flow
from flows.steps.inbox import bring_back, show_inbox
from flows.steps.results import StepResult
from infra.errors import FaultError, FindProfileError, RefusedError, WrongInputError
from infra.lake import file_sha256, write_text
from infra.settings import Settings

DAY = date(2026, 5, 3)
PARAMETERS = {"rocu": "nwrocu", "pattern": "county_lines", "as_of": DAY}
PLATE = "AB12CDE"
Ask = Callable[..., Any]


class Ranked(StepResult):
    rocu: str
    vehicles: int = 3

    def links(self) -> dict[str, Path]:
        return {"Ranked list": Path("/lake/scores/list.html")}


class Stand:
    """Stands for a step: remembers its calls, raises what it was given, then succeeds."""

    def __init__(self, *raised: Exception) -> None:
        self.raised = list(raised)
        self.calls: list[dict[str, Any]] = []

    def __call__(self, context: Context, rocu: str, **given: Any) -> StepResult:
        self.calls.append(given)
        if self.raised:
            raise self.raised.pop(0)
        return Ranked(rocu=rocu)


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stand]:
    def make(name: str, *raised: Exception) -> Stand:
        made = Stand(*raised)
        monkeypatch.setattr(steps, name, made, raising=False)
        return made

    return make


def newest_run(ask: Ask, flow: str) -> dict[str, Any]:
    begun = {"state": {"type": {"not_any_": ["SCHEDULED"]}}}
    found = ask("/flow_runs/filter", flows={"name": {"any_": [flow]}}, flow_runs=begun, sort="START_TIME_DESC", limit=1)
    run: dict[str, Any] = found[0]
    return run


def test_a_run_is_named_tagged_and_completed(context: Context, ask: Ask, stand: Callable[..., Stand]) -> None:
    step = stand("score")
    result = call_flow(context, "score", PARAMETERS)
    run = newest_run(ask, "score")
    assert result == Ranked(rocu="nwrocu")
    assert step.calls == [{"pattern": "county_lines", "as_of": DAY, "shadow": False}]
    assert (run["name"], run["state_name"]) == ("score nwrocu 2026-05-03", "Completed")
    assert set(run["tags"]) == {"rocu:nwrocu", "pattern:county_lines"}


def test_figures_and_links_are_artifacts_of_the_run(context: Context, ask: Ask, stand: Callable[..., Stand]) -> None:
    stand("score")
    call_flow(context, "score", PARAMETERS)
    run = newest_run(ask, "score")
    left = {a["key"]: a["data"] for a in ask("/artifacts/filter", artifacts={"flow_run_id": {"any_": [run["id"]]}})}
    assert '{"figure": "vehicles", "value": 3}' in left["score-nwrocu"]
    assert "file:///lake/scores/list.html" in left["score-nwrocu-ranked-list"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (RefusedError("No champion of county_lines.nwrocu.", "Promote a version first."), "Refused"),
        (WrongInputError("There is no pattern roundabouts.", "Use county_lines."), "WrongInput"),
    ],
)
def test_a_refused_step_fails_the_run_with_its_reason_and_is_not_retried(
    context: Context, ask: Ask, stand: Callable[..., Stand], error: FindProfileError, state: str
) -> None:
    step = stand("score", error)
    with pytest.raises(type(error)) as raised:
        call_flow(context, "score", PARAMETERS)
    run = newest_run(ask, "score")
    assert (raised.value.reason, raised.value.instruction) == (error.reason, error.instruction)
    assert len(step.calls) == 1
    assert (run["state_type"], run["state_name"]) == ("FAILED", state)
    assert error.reason in run["state"]["message"]


def test_a_fault_is_retried(context: Context, ask: Ask, stand: Callable[..., Stand]) -> None:
    step = stand("retrain", FaultError("MLflow does not answer.", "Start it."))
    call_flow(context, "retrain", PARAMETERS)
    assert len(step.calls) == 2
    assert newest_run(ask, "retrain")["state_name"] == "Completed"


def test_what_refuses_stops_everything_behind_it(
    context: Context, ask: Ask, stand: Callable[..., Stand], inbox: Path
) -> None:
    (inbox / "2026-05-03.csv").write_text("vrm,captured_at,camera_id\n")
    ingest = stand("ingest", RefusedError("Batch 0123 failed its contract.", "Deliver it again."))
    score, monitor = stand("score"), stand("monitor")
    with pytest.raises(RefusedError):
        call_flow(context, "daily", PARAMETERS)
    assert len(ingest.calls) == 1
    assert score.calls == monitor.calls == []
    assert newest_run(ask, "daily")["state_name"] == "Refused"


def test_daily_ingests_the_inbox_then_scores_then_monitors(
    context: Context, stand: Callable[..., Stand], inbox: Path
) -> None:
    (inbox / "2026-05-03.csv").write_text("vrm,captured_at,camera_id\n")
    ingest, score, monitor = stand("ingest"), stand("score"), stand("monitor")
    call_flow(context, "daily", PARAMETERS)
    assert ingest.calls == [{"files": (inbox / "2026-05-03.csv",), "source": "canonical"}]
    assert score.calls == monitor.calls == [{"pattern": "county_lines", "as_of": DAY}]


def test_a_file_that_cannot_be_taken_is_set_aside_and_the_others_go_on(
    context: Context, stand: Callable[..., Stand], inbox: Path
) -> None:
    good, bad = inbox / "good.csv", inbox / f"{PLATE}.csv"
    good.write_text("vrm,captured_at,camera_id\nAB12CDE,2026-05-03T08:00:00Z,CAM-1\n")
    bad.write_bytes(b"%PDF-1.7")
    ingest = stand("ingest", WrongInputError("One file is a PDF.", "Ask for its data."))
    call_flow(context, "ingest", {"rocu": "nwrocu"})
    assert [call["files"] for call in ingest.calls] == [(bad, good), (good,)]
    assert (good.exists(), bad.exists()) == (True, False)
    (aside,) = show_inbox(context, "nwrocu").set_aside
    assert aside["reason"] == "(name withheld) is a PDF, no table of text or Parquet."
    entry = context.audit.search(action="inbox.set_aside")[-1]
    assert (entry.outcome, entry.details["file"]) == ("done", aside["file_id"])
    assert bring_back(context, "nwrocu", aside["file_id"]).waits_as in {path.name for path in inbox.iterdir()}


def test_when_the_files_are_not_what_is_wrong_they_stay(
    context: Context, stand: Callable[..., Stand], inbox: Path
) -> None:
    (inbox / "good.csv").write_text("vrm,captured_at,camera_id\nAB12CDE,2026-05-03T08:00:00Z,CAM-1\n")
    ingest = stand("ingest", WrongInputError("nwrocu has no camera register.", "Load one."))
    with pytest.raises(WrongInputError, match="no camera register"):
        call_flow(context, "ingest", {"rocu": "nwrocu"})
    assert len(ingest.calls) == 1
    for number in range(3):
        (inbox / f"{number}.csv").write_text("vrm,captured_at,camera_id\nAB12CDE,2026-05-03T08:00:00,CAM-1\n")
    (inbox / "good.csv").unlink()
    stand("ingest", WrongInputError("No zone.", "Declare it."))
    with pytest.raises(WrongInputError, match="None of the 3 files that wait"):
        call_flow(context, "ingest", {"rocu": "nwrocu"})
    assert len(waiting_files(context.settings, "nwrocu")) == 3


def test_an_empty_inbox_is_no_step_at_all(context: Context, stand: Callable[..., Stand], inbox: Path) -> None:
    step = stand("ingest")
    assert call_flow(context, "ingest", {"rocu": "nwrocu"}).summary() == {"rocu": "nwrocu", "files": 0}
    assert step.calls == []


def test_a_run_that_signs_in_with_a_forged_token_is_refused(
    prefect_server: Settings, monkeypatch: pytest.MonkeyPatch, stand: Callable[..., Stand]
) -> None:
    from flows.prefect_flows import score
    from flows.prefect_settings import connected

    step = stand("score")
    monkeypatch.setenv("FINDPROFILE_HOME", str(prefect_server.home))
    monkeypatch.setenv("FINDPROFILE_TOKEN", "not.a.token")
    with connected(prefect_server):
        state = score(rocu="nwrocu", as_of=DAY, return_state=True)
    assert (state.type, state.name, step.calls) == ("FAILED", "Refused", [])


def test_no_plate_of_a_file_name_or_an_unexpected_error_reaches_prefect(
    context: Context, stand: Callable[..., Stand], prefect_server: Settings
) -> None:
    empty = WrongInputError(f"{PLATE}.csv is empty.", f"Deliver {PLATE}.csv again.")
    step = stand("ingest", ValueError(f"could not convert {PLATE} to DOUBLE"), empty)
    delivered = Path(f"/delivery/{PLATE}.csv")
    for said in ("ValueError", r"\(withheld\)\.csv is empty"):
        with pytest.raises(FindProfileError, match=said):
            call_flow(
                context, "ingest", {"rocu": "nwrocu", "files": (delivered,), "source": "canonical", "replaces": None}
            )
    assert step.calls == [{"files": (delivered,), "source": "canonical", "replaces": None}] * 2
    kept = [path for path in (prefect_server.root / "prefect").rglob("*") if path.is_file()]
    assert [path.name for path in kept if PLATE.encode() in path.read_bytes()] == []


def test_no_result_is_kept_on_disk(context: Context, stand: Callable[..., Stand], prefect_server: Settings) -> None:
    stand("score")
    call_flow(context, "score", PARAMETERS)
    storage = prefect_server.root / "prefect" / "storage"
    assert not storage.exists() or not any(storage.iterdir())


def test_the_server_sends_nothing_outside_and_no_library_does(prefect_server: Settings) -> None:
    from prefect.analytics import is_telemetry_enabled

    held = httpx.get(f"{prefect_server.prefect_api_url}/admin/settings", timeout=10).json()
    assert held["server"]["analytics_enabled"] is False
    assert held["telemetry"]["enable_resource_metrics"] is False
    assert not is_telemetry_enabled()


def test_a_server_that_does_not_answer_is_a_fault_within_seconds(context: Context) -> None:
    from flows.deployments import deploy, schedules

    gone = context.settings.model_copy(update={"prefect_api_url": "http://127.0.0.1:9/api"})
    started = time.monotonic()
    with pytest.raises(FaultError, match="does not answer"):
        schedules(gone)
    with pytest.raises(FaultError, match="does not answer"):
        deploy(gone, ["nwrocu"], ["county_lines"])
    assert time.monotonic() - started < 8


def test_without_a_server_the_error_says_how_to_get_one() -> None:
    from flows.deployments import schedules

    with pytest.raises(FaultError, match="FINDPROFILE_PREFECT_API_URL"):
        schedules(Settings())


@pytest.mark.parametrize("url", ["http://someone:secret@127.0.0.1:port/api", "http://someone:secret@127.0.0.1:1/api"])
def test_an_address_that_does_not_answer_is_a_fault_without_its_password(url: str) -> None:
    from flows.deployments import schedules

    with pytest.raises(FaultError, match="does not answer") as told:
        schedules(Settings(prefect_api_url=url))
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("due", "day"),
    [
        (datetime(2026, 5, 4, 3, 30, tzinfo=UTC), DAY),
        (datetime.fromisoformat("2026-05-04T04:30:00+01:00"), DAY),
        (datetime.fromisoformat("2026-05-05T00:30:00+01:00"), DAY),
    ],
)
def test_a_scheduled_run_is_about_the_last_whole_utc_day(due: datetime, day: date) -> None:
    from flows.prefect_flows import data_date

    assert data_date(due) == day


def test_a_file_leaves_the_inbox_when_its_bytes_were_judged_and_not_before(context: Context, inbox: Path) -> None:
    judged, new = inbox / "judged.csv", inbox / "new.csv"
    judged.write_text("judged")
    new.write_text("new")
    (inbox / ".arriving.csv").write_text("half")
    record(context, judged)
    assert waiting_files(context.settings, "nwrocu") == (judged, new)
    assert clear_judged(context.lake, "nwrocu", (judged, new)) == (judged,)
    assert waiting_files(context.settings, "nwrocu") == (new,)


def record(context: Context, path: Path) -> None:
    from data_contracts.layers.manifests import BatchManifest, IngestRecord

    digest = file_sha256(path)
    batch = BatchManifest(
        batch_id=digest[:16],
        sha256=digest,
        size_bytes=6,
        delivered_as=path.name,
        source="canonical",
        rows=0,
        accepted=0,
        quarantined=0,
        duplicates=0,
        rules={},
        verdict="failed",
        reasons=("no rows",),
        dates=(),
        replaces=None,
    )
    held = IngestRecord(
        ingest_id="0" * 16,
        rocu="nwrocu",
        ingested_at=datetime(2026, 5, 4, tzinfo=UTC),
        contract_version="1.0.0",
        contract_digest="0" * 64,
        register_digest="0" * 64,
        source_digest="0" * 64,
        batches=(batch,),
        parts=(),
    )
    write_text(context.lake.folder("ingests", "nwrocu") / "record.json", held.model_dump_json())
