from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.layers.manifests import PartRef
from infra.lake import Lake
from models.drift.behaviour import attribute
from models.drift.late_labels import FINDINGS, RANKED, examine_labels, load_findings, load_ranked
from models.drift.recommendation import recommend
from models.drift.results import (
    Action,
    Attribution,
    CameraInterval,
    CameraOffset,
    ColumnDrift,
    EstateResult,
    FeatureDrift,
    LabelDrift,
    LabelSpan,
    OffsetKind,
    Recommendation,
    ScoreDrift,
    Span,
)
from models.drift.service import made_lists
from models.drift.settings import LabelLimits, MonitorSettings

DAY = date(2026, 4, 1)
REFERENCE = Span(start=DAY - timedelta(days=55), end=DAY - timedelta(days=28), days_with_reads=28)
CURRENT = Span(start=DAY - timedelta(days=27), end=DAY, days_with_reads=28)


def column(score: float | None, drifted: bool) -> ColumnDrift:
    return ColumnDrift(
        column="x",
        state="compared",
        method="wasserstein",
        threshold=0.1,
        score=score,
        noise=None,
        drifted=drifted,
        missing_reference=0,
        missing_current=0,
    )


@pytest.mark.parametrize(
    ("raw", "adjusted", "expected"),
    [
        ((0.05, False), (0.04, False), "none"),
        ((0.30, True), (0.05, False), "cameras"),
        ((0.30, True), (0.28, True), "behaviour"),
        ((0.50, True), (0.20, True), "both"),
        ((0.05, False), (0.20, True), "behaviour"),
        ((0.30, True), None, "cameras"),
        ((0.05, False), None, "none"),
    ],
)
def test_what_stays_without_the_cameras_is_behaviour(
    raw: tuple[float, bool], adjusted: tuple[float, bool] | None, expected: Attribution
) -> None:
    assert attribute(column(*raw), column(*adjusted) if adjusted else None) == expected


def features(*attributions: Attribution) -> tuple[FeatureDrift, ...]:
    return tuple(
        FeatureDrift(
            feature=f"f{i}", population="all", raw=column(0.2, True), adjusted=column(0.2, True), attribution=a
        )
        for i, a in enumerate(attributions)
    )


def estate(*kinds: str) -> EstateResult:
    intervals = tuple(
        CameraInterval.model_validate(
            {
                "camera_id": f"c{i}",
                "site_id": "s",
                "kind": kind,
                "scope": "camera",
                "start": DAY,
                "end": DAY,
                "expected_per_day": 10,
                "seen_per_day": 0,
            }
        )
        for i, kind in enumerate(kinds)
    )
    return EstateResult(
        days=(DAY,), current_from=DAY, empty_days=(), day_factors=(1.0,), cameras=(), intervals=intervals
    )


def scores(attribution: Attribution) -> ScoreDrift:
    return ScoreDrift(
        raw=column(0.2, True),
        adjusted=column(0.2, True),
        attribution=attribution,
        quantiles=(),
        reference=(),
        current=(),
    )


def labels(late: bool = False, changed: bool = False) -> LabelDrift:
    span = LabelSpan(
        findings=40, confirmed=10, eliminated=30, inconclusive=0, confirmed_share=0.25, median_delay_days=8
    )
    return LabelDrift(
        reference=span,
        current=span,
        confirmed_changed=changed,
        ranked_due=100,
        ranked_without_finding=80 if late else 5,
        late_share=0.8 if late else 0.05,
        late=late,
    )


def advise(
    *,
    kinds: tuple[str, ...] = (),
    moved: tuple[Attribution, ...] = ("none",) * 10,
    score: Attribution = "none",
    late: bool = False,
    changed: bool = False,
) -> Recommendation:
    return recommend(estate(*kinds), features(*moved), scores(score), labels(late, changed), MonitorSettings())


MOVED: tuple[Attribution, ...] = ("behaviour",) * 3 + ("none",) * 7
ONE: tuple[Attribution, ...] = ("behaviour",) + ("none",) * 19


@pytest.mark.parametrize(
    ("advice", "action", "then"),
    [
        (advise(), "none", ()),
        (advise(kinds=("silent",)), "inspect_cameras", ()),
        (advise(moved=MOVED), "review_behaviour", ()),
        (advise(moved=ONE), "none", ()),
        (advise(moved=MOVED, score="behaviour"), "retrain", ()),
        (advise(moved=MOVED, changed=True), "retrain", ()),
        (advise(moved=MOVED, score="behaviour", late=True), "review_labels", ()),
        (advise(moved=MOVED, score="cameras"), "review_behaviour", ()),
        (advise(score="behaviour"), "review_behaviour", ()),
        (advise(late=True), "review_labels", ()),
        (advise(changed=True), "review_labels", ()),
        (advise(kinds=("silent",), moved=MOVED, score="both"), "inspect_cameras", ("retrain",)),
        (advise(kinds=("new",), moved=("cameras",) * 10, score="cameras"), "inspect_cameras", ()),
    ],
)
def test_four_drifts_make_one_recommendation(advice: Recommendation, action: Action, then: tuple[Action, ...]) -> None:
    assert (advice.action, advice.then) == (action, then)
    assert advice.reasons
    assert all(reason.endswith(".") for reason in advice.reasons)
    assert not any("promot" in reason for reason in advice.reasons)


def interval(start: int, end: int) -> CameraInterval:
    """A silence from so many to so many days before DAY."""
    return (
        estate("silent")
        .intervals[0]
        .model_copy(update={"start": DAY - timedelta(days=start), "end": DAY - timedelta(days=end)})
    )


@pytest.mark.parametrize(("ended", "action"), [(30, "none"), (27, "inspect_cameras"), (0, "inspect_cameras")])
def test_a_fault_that_was_over_before_the_current_span_is_told_and_asks_for_nothing(ended: int, action: str) -> None:
    seen = estate().model_copy(update={"current_from": CURRENT.start, "intervals": (interval(40, ended),)})
    advice = recommend(seen, features("none"), None, labels(), MonitorSettings())
    assert advice.action == action
    said = f"was silent ({DAY - timedelta(days=40)} to {DAY - timedelta(days=ended)})"
    assert [reason.startswith("Over before") for reason in advice.reasons if said in reason] == [action == "none"]


@pytest.mark.parametrize(("ended", "action"), [(30, "none"), (27, "inspect_cameras"), (0, "inspect_cameras")])
@pytest.mark.parametrize(
    ("kind", "said"), [("clock_offset", "had a wrong clock"), ("wrong_place", "stood elsewhere than registered")]
)
def test_a_wrong_clock_or_place_is_a_fault_like_others(kind: OffsetKind, said: str, ended: int, action: str) -> None:
    start, end = DAY - timedelta(days=40), DAY - timedelta(days=ended)
    offset = CameraOffset(camera_id="c7", site_id="s", kind=kind, start=start, end=end, says="it is wrong")
    seen = estate().model_copy(update={"current_from": CURRENT.start, "offsets": (offset,)})
    assert seen.changed_cameras == {"c7"}
    advice = recommend(seen, features("none"), None, labels(), MonitorSettings())
    assert advice.action == action
    reasons = [reason for reason in advice.reasons if f"1 camera {said} ({start} to {end}): c7." in reason]
    assert [reason.startswith("Over before") for reason in reasons] == [action == "none"]


@pytest.mark.parametrize(("back", "action"), [(28, "none"), (27, "inspect_cameras")])
def test_days_without_any_read_call_for_action_while_they_are_in_the_current_span(back: int, action: str) -> None:
    empty = estate().model_copy(update={"current_from": CURRENT.start, "empty_days": (DAY - timedelta(days=back),)})
    advice = recommend(empty, features("none"), None, labels(), MonitorSettings())
    assert advice.action == action
    assert ("Ask whoever delivers the batches about the days without reads." in advice.reasons) == (action != "none")


def test_without_a_champion_no_score_is_compared_and_it_says_so() -> None:
    advice = recommend(estate(), features("none"), None, labels(), MonitorSettings())
    assert advice.reasons[0] == "There is no champion, so no scores were compared."


def findings(*rows: tuple[str, int, str, int]) -> pa.Table:
    """Rows of vehicle, days before DAY of the window's end, finding, days before DAY of the decision."""
    return pa.Table.from_pylist(
        [
            {
                "vehicle": vehicle,
                "window_end": DAY - timedelta(days=ended),
                "finding": finding,
                "decided_at": datetime.combine(DAY - timedelta(days=decided), datetime.min.time()),
                "selected_by": "ranked",
            }
            for vehicle, ended, finding, decided in rows
        ],
        schema=FINDINGS,
    )


def ranked(*rows: tuple[str, int]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"vehicle": vehicle, "window_end": DAY - timedelta(days=ended)} for vehicle, ended in rows], schema=RANKED
    )


def test_ranked_vehicles_without_a_finding_after_the_limit_are_late() -> None:
    shown = ranked(("a", 40), ("a", 39), ("b", 40), ("c", 40), ("young", 5), ("ancient", 300))
    result = examine_labels(shown, findings(("a", 40, "eliminated", 20)), REFERENCE, CURRENT)
    assert (result.ranked_due, result.ranked_without_finding) == (3, 2)
    assert result.late
    assert result.late_share == pytest.approx(0.6667)


def test_a_finding_about_an_earlier_window_is_no_answer_to_a_later_ranking() -> None:
    result = examine_labels(ranked(("a", 40)), findings(("a", 60, "eliminated", 50)), REFERENCE, CURRENT)
    assert result.ranked_without_finding == 1


def test_nobody_ranked_is_not_late() -> None:
    result = examine_labels(ranked(), findings(), REFERENCE, CURRENT)
    assert (result.late, result.late_share) == (False, None)
    assert result.current.confirmed_share is None


def batch(confirmed: int, eliminated: int, decided: int, delay: int) -> list[tuple[str, int, str, int]]:
    kinds = ["confirmed"] * confirmed + ["eliminated"] * eliminated
    return [(f"{decided}-{i}", decided + delay, kind, decided) for i, kind in enumerate(kinds)]


def test_a_changed_confirmed_share_is_seen_and_a_chance_one_is_not() -> None:
    changed = examine_labels(ranked(), findings(*batch(40, 60, 40, 5), *batch(10, 90, 10, 12)), REFERENCE, CURRENT)
    assert changed.confirmed_changed
    assert (changed.reference.confirmed_share, changed.current.confirmed_share) == (0.4, 0.1)
    assert (changed.reference.median_delay_days, changed.current.median_delay_days) == (5, 12)
    few = examine_labels(ranked(), findings(*batch(4, 6, 40, 5), *batch(1, 9, 10, 5)), REFERENCE, CURRENT)
    assert not few.confirmed_changed
    chance = examine_labels(ranked(), findings(*batch(10, 15, 40, 5), *batch(5, 20, 10, 5)), REFERENCE, CURRENT)
    assert not chance.confirmed_changed


def test_findings_after_the_day_are_not_known_yet_and_the_latest_stands(tmp_path: Path) -> None:
    table = findings(("a", 30, "eliminated", 20), ("a", 30, "confirmed", 10), ("b", 30, "confirmed", -2))
    n = table.num_rows
    table = table.append_column("batch_id", pa.array(["x"] * n)).append_column("row_no", pa.array(range(n), pa.int64()))
    pq.write_table(table, tmp_path / "d.parquet")
    part = PartRef(layer="dispositions", path="d.parquet", sha256="0", rows=n)
    with duckdb.connect() as connection:
        known = load_findings(connection, Lake(tmp_path), (part,), DAY).to_pylist()
    assert [(row["vehicle"], row["finding"]) for row in known] == [("a", "confirmed")]


def test_ranked_vehicles_come_from_the_scores_that_were_shown(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    end = DAY - timedelta(days=30)
    target = lake.folder("scores", "nwrocu", pattern="p", as_of=end.isoformat(), run="r") / "scores.parquet"
    target.parent.mkdir(parents=True)
    pq.write_table(pa.table({"vehicle": ["a", "b"], "rank": [1, 2], "window_end": [end, end]}), target)
    with duckdb.connect() as connection:
        for rocu, look_back, expected in (("nwrocu", 60, ["a"]), ("nerocu", 60, []), ("nwrocu", 10, [])):
            lists = made_lists(lake, rocu, "p", DAY, look_back, None).paths
            rows = load_ranked(connection, lists, 1).to_pylist()
            assert rows == [{"vehicle": vehicle, "window_end": end} for vehicle in expected]


def test_limits_of_lateness_are_settings() -> None:
    shown, none = ranked(("a", 40)), findings()
    assert examine_labels(shown, none, REFERENCE, CURRENT, LabelLimits(late_after_days=50)).ranked_due == 0


def test_a_time_of_decision_counts_by_its_day() -> None:
    edge = findings(("a", 40, "confirmed", 28))
    result = examine_labels(ranked(), edge, REFERENCE, CURRENT)
    assert (result.reference.findings, result.current.findings) == (1, 0)
