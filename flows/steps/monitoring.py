"""The step that watches: cameras, behaviour, scores and labels, and one recommendation."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.context import Context, acting, days_watched
from flows.steps.desk import (
    open_desk,
    part_datasets,
    policy_of,
    register_of,
    require_brought,
    require_no_failure,
    require_parts_unchanged,
)
from flows.steps.recorded_list import lists_on_record
from flows.steps.results import StepResult
from infra.clock import utc_now
from infra.lake import write_text

if TYPE_CHECKING:
    from models.drift.monitor import Watched
    from models.drift.results import MonitorResult


class Monitored(StepResult):
    """What changed, and what is recommended. Nothing is ever promoted from here."""

    rocu: str
    pattern: str
    as_of: date
    run_id: str
    reference: str
    current: str
    champion: str
    cameras_changed: int
    features_drifted: int
    attributed_to_cameras: int
    attributed_to_behaviour: int
    scores: str
    recommendation: str
    reasons: tuple[str, ...]
    lists_not_counted: tuple[str, ...]
    page: Path
    reports: tuple[Path, ...]

    def summary(self) -> dict[str, str | int | float]:
        """Figures, then each reason on its own line."""
        plain = self.model_dump(exclude={"reasons", "lists_not_counted", "page", "reports"})
        lines: dict[str, str | int | float] = {
            name: value if isinstance(value, int) else str(value) for name, value in plain.items()
        }
        lines |= {f"because ({n})": reason for n, reason in enumerate(self.reasons, 1)}
        return lines | {f"list not counted ({n})": why for n, why in enumerate(self.lists_not_counted, 1)}

    def links(self) -> dict[str, Path]:
        """Our page, and Evidently's own reports."""
        return {"monitoring page": self.page} | {path.stem.replace("_", " "): path for path in self.reports}


def monitor(context: Context, rocu: str, pattern: str, as_of: date) -> Monitored:
    """Compare the latest span with the one before; record the recommendation.

    Raises:
        RefusedError: No permission, a failed batch of that day stands, nothing on record brought the reads, findings or
            the camera register, or the champion does not verify.
        WrongInputError: No such ROCU or pattern, or too few reads.
    """
    from governance.promotion.state import model_state
    from governance.promotion.verification import verify_champion
    from models.drift.monitor import monitor as run
    from models.drift.monitor import result_digest, watched_parts

    policy = policy_of(context, rocu)
    model = f"{pattern}.{rocu}"
    with acting(context, "monitor", rocu, "combination", model) as details:
        require_no_failure(context, rocu, as_of, as_of)
        settings: Any = policy.policy.pattern(pattern)
        watched = watched_parts(context.lake, rocu, as_of, policy.policy.monitoring, settings)
        reads = tuple(dict.fromkeys((*watched.reads, *watched.travel)))
        register_of(context, rocu)
        require_brought(context, "ingest", rocu, reads)
        require_brought(context, "dispositions", rocu, watched.findings)
        require_parts_unchanged(context, (*reads, *watched.findings))
        champion = None
        if model_state(context.audit, model).standing is not None:
            champion = verify_champion(open_desk(context), model, rocu, utc_now())
        result = run(
            context.settings,
            context.lake,
            rocu,
            pattern,
            as_of,
            champion.text if champion else None,
            policy.policy.monitoring,
            context.now,
            settings,
            policy.policy.rows(pattern),
            lists_on_record(context, rocu, pattern) | _results_on_record(context, model),
            watched,
            days_watched(context, rocu),
            policy.policy.ingest.position_tolerance_m,
        )
        details |= {
            "as_of": as_of.isoformat(),
            "run_id": result.run_id,
            "recommendation": result.recommendation.action,
            "reasons": list(result.recommendation.reasons),
            "lists_not_counted": list(result.lists_not_counted),
        }
        details["result"], details["result_sha256"] = result_digest(result)
        named = f"{model} version {champion.version}" if champion else "none"
        page = _write_page(context, result, named)
        _record_lineage(context, result, watched)
    return _monitored(context, result, named, page)


def _results_on_record(context: Context, model: str) -> dict[str, str]:
    """SHA-256 of every result that the log says monitoring left, by its path in the lake; of a run the newest."""
    rocu = frozenset({model.partition(".")[2]})
    rows = context.audit.search(rocus=rocu, action="monitor", object=model, outcome="done", limit=None)
    found: dict[str, str] = {}
    for row in rows:
        if "result_sha256" in row.details:
            found.setdefault(row.details["result"], row.details["result_sha256"])
    # an entry of monitoring says nothing about a list
    return {path: sha256 for path, sha256 in found.items() if path.startswith("monitoring/")}


def _write_page(context: Context, result: MonitorResult, champion: str) -> Path:
    from data_contracts.registers.regions import require_rocu
    from governance.pages.models import MonitorPage
    from governance.pages.render import render_monitoring
    from models.patterns import get_pattern

    page = MonitorPage(
        region=require_rocu(result.rocu, result.as_of).name,
        champion=champion,
        made_at=result.made_at.strftime("%Y-%m-%d %H:%M UTC"),
        result=result,
        features={feature.name: feature.sees for feature in get_pattern(result.pattern).features},
    )
    target = context.lake.root / result.folder / "monitoring.html"
    write_text(target, render_monitoring(page))
    return target


def _record_lineage(context: Context, result: MonitorResult, watched: Watched) -> None:
    from governance.lineage.events import DatasetRef, RunFacts
    from infra.lake import file_sha256

    target = context.lake.root / result.folder / "result.json"
    made = DatasetRef("monitoring", file_sha256(target), name=result.folder)
    facts = RunFacts(
        pattern=result.pattern, as_of=result.as_of.isoformat(), more={"recommendation": result.recommendation.action}
    )
    context.lineage.record(
        "monitor", result.rocu, result.run_id, part_datasets(watched.reads), (made,), facts, utc_now()
    )


def _monitored(context: Context, result: MonitorResult, champion: str, page: Path) -> Monitored:
    of_cameras = {one.feature for one in result.features if one.attribution in ("cameras", "both")}
    of_behaviour = {one.feature for one in result.features if one.attribution in ("behaviour", "both")}
    folder = context.lake.root / result.folder
    return Monitored(
        rocu=result.rocu,
        pattern=result.pattern,
        as_of=result.as_of,
        run_id=result.run_id,
        reference=f"{result.reference.start} to {result.reference.end}",
        current=f"{result.current.start} to {result.current.end}",
        champion=champion,
        cameras_changed=len(result.estate.changed_cameras),
        features_drifted=len(of_cameras | of_behaviour),
        attributed_to_cameras=len(of_cameras),
        attributed_to_behaviour=len(of_behaviour),
        scores=result.scores.attribution if result.scores else "not compared",
        recommendation=", then ".join((result.recommendation.action, *result.recommendation.then)),
        reasons=tuple(result.recommendation.reasons),
        lists_not_counted=result.lists_not_counted,
        page=page,
        reports=tuple(folder / name for name in result.reports),
    )
