from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from infra.lake import Lake, file_sha256
from models.drift.late_labels import FINDINGS
from models.drift.service import examine_service, made_lists
from models.in_service import InService
from models.scoring import Provenance, write_scores

END = date(2026, 3, 1)
MADE = datetime(2026, 3, 2, 6, tzinfo=UTC)
BELOW = 30_000


def score(lake: Lake, run_id: str, ranked: str, drawn: str, made: datetime) -> None:
    """Write the list of a run: vehicles by letter, and the many others."""
    others = [f"w{number}" for number in range(BELOW - len(drawn))]
    selected = ["ranked"] * len(ranked) + ["random"] * len(drawn) + [None] * len(others)
    listed = pa.table({"vehicle": [*ranked, *drawn, *others], "selected_by": pa.array(selected, pa.string())})
    provenance = Provenance(
        model="county_lines.nwrocu",
        version="1",
        model_sha256="m",
        contract_version="1",
        data_digest="d",
        commit="c",
        run_id=run_id,
        rocu="nwrocu",
        pattern="county_lines",
        window_end=END,
    )
    write_scores(lake, listed, provenance, made)


def found(confirmed: str, eliminated: str, decided: datetime) -> pa.Table:
    said = [(vehicle, "confirmed") for vehicle in confirmed] + [(vehicle, "eliminated") for vehicle in eliminated]
    rows = [
        {"vehicle": v, "window_end": END, "finding": finding, "decided_at": decided.replace(tzinfo=None)}
        for v, finding in said
    ]
    return pa.Table.from_pylist(rows, schema=FINDINGS)


def examined(lake: Lake, findings: pa.Table) -> InService:
    service = examine_service(made_lists(lake, "nwrocu", "county_lines", END + timedelta(days=10), 91, None), findings)
    assert service is not None
    return service


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_a_vehicle_found_from_one_list_is_no_answer_to_the_draw_of_another(lake: Lake) -> None:
    score(lake, "shown", "abcde", "fgh", MADE)
    score(lake, "again", "bcdez", "axy", MADE + timedelta(days=9))
    service = examined(lake, found("a", "bcdefgh", MADE + timedelta(days=4)))
    assert (service.runs, service.ranked_answered, service.random_answered) == (1, 5, 3)
    assert service.precision.value == pytest.approx(0.2)
    assert service.missed.value == 0


def test_a_list_made_again_before_anybody_decided_is_the_one_that_counts(lake: Lake) -> None:
    score(lake, "first", "abcde", "fgh", MADE)
    score(lake, "shown", "bcdez", "axy", MADE + timedelta(days=1))
    service = examined(lake, found("z", "bcdeaxy", MADE + timedelta(days=4)))
    assert (service.runs, service.ranked_answered, service.random_answered) == (1, 5, 3)
    assert service.precision.value == pytest.approx(0.2)


def test_of_lists_made_after_all_findings_the_latest_counts(lake: Lake) -> None:
    score(lake, "first", "abcde", "fgh", MADE)
    score(lake, "second", "bcdez", "axy", MADE + timedelta(days=1))
    service = examined(lake, found("z", "bcdeaxy", MADE - timedelta(days=4)))
    assert (service.runs, service.ranked_confirmed) == (1, 1)


def test_without_lists_nothing_is_said(lake: Lake) -> None:
    assert examine_service(made_lists(lake, "nwrocu", "county_lines", END, 91, None), found("a", "b", MADE)) is None


def test_lists_that_are_not_on_record_do_not_count_and_are_told(lake: Lake) -> None:
    score(lake, "made", "abcde", "fgh", MADE)
    on_record = {lake.relative(path): file_sha256(path) for path in lake.root.rglob("scores.parquet")}
    (made,) = on_record
    on_record[made.replace("run=made", "run=gone")] = "0" * 64
    score(lake, "forged", "z", "a", MADE + timedelta(days=9))
    lists = made_lists(lake, "nwrocu", "county_lines", END, 91, on_record)
    assert [lake.relative(path) for path in lists.paths] == [made]
    assert lists.not_counted == (
        f"{made.replace('run=made', 'run=forged')} is not the list that the audit log says was made",
        f"{made.replace('run=made', 'run=gone')} is on record and not in the lake",
    )
    service = examine_service(lists, found("az", "bcde", MADE + timedelta(days=10)))
    assert service is not None
    assert (service.runs, service.ranked_answered) == (1, 5)
    score(lake, "made", "z", "a", MADE)
    assert made_lists(lake, "nwrocu", "county_lines", END, 91, on_record).by_day == {}
