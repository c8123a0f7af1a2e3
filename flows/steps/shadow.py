"""Scoring versions in shadow: on the champion's windows, into a layer of its own, for nobody to see.

A version in shadow has every approval but is not confirmed. Each run of it is an audit entry with how its list compares
with the champion's of the day. What goes wrong with one is recorded and stops nothing else, and a list that is not on
record does not stay: it lies under a name of its own until the log has it. Belongs here: that. Does not: permission and
authority, which are those of the scoring that it is part of; they are asked again before a list counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from flows.context import Context
from flows.steps.desk import open_desk
from flows.steps.results import StepResult
from infra.clock import utc_now
from infra.errors import FaultError, RefusedError
from infra.lake import file_sha256, left_behind, placed
from models.units import Unit

if TYPE_CHECKING:
    import pyarrow as pa

    from governance.policy.document import LoadedPolicy
    from governance.promotion.record import Act, Desk
    from governance.promotion.state import ModelState
    from governance.promotion.verification import Candidate
    from models.scoring import Provenance

Windows = Callable[[], "pa.Table"]
Provenances = Callable[["Candidate"], "Provenance"]
Still = Callable[[], None]


@dataclass(frozen=True)
class Beside:
    """The list of the champion of the day, with its version and run. It is not read again: it was held when made."""

    version: str
    run_id: str
    listed: pa.Table


class ShadowRun(BaseModel):
    """What came of scoring one version in shadow. No vehicle is named. `problem` says why there is no list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    days: int
    days_needed: int
    vehicles: int = 0
    failures: int = 0
    overlap_at_k: float | None = None
    share_new: float | None = None
    rank_correlation: float | None = None
    problem: str | None = None


class ShadowScored(StepResult):
    """Versions of a model without a champion, scored for nobody to see."""

    rocu: str
    pattern: str
    as_of: date
    model: str
    unit: Unit
    shadow: tuple[ShadowRun, ...]

    def summary(self) -> dict[str, str | int | float]:
        """A line for each version."""
        plain = super().summary()
        del plain["shadow"], plain["unit"]
        return plain | in_words(self.shadow, self.unit) | {"list": "none: what is scored in shadow is shown to nobody"}


def in_words(runs: tuple[ShadowRun, ...], unit: Unit) -> dict[str, str | int | float]:
    """A line for each version in shadow."""
    return {f"shadow version {run.version}": run.problem or _sentence(run, unit) for run in runs}


def _sentence(run: ShadowRun, unit: Unit) -> str:
    days = f"{run.vehicles:,} {unit}s, {run.days} of {run.days_needed} days"
    if run.overlap_at_k is None or run.share_new is None:
        return f"{days}; no champion to compare with"
    ranks = "not known" if run.rank_correlation is None else f"{run.rank_correlation:.2f}"
    return f"{days}; {run.overlap_at_k:.0%} of the champion's list, {run.share_new:.0%} new, rank correlation {ranks}"


def score_shadows(
    context: Context,
    policy: LoadedPolicy,
    windows: Windows,
    provenance_of: Provenances,
    model: str,
    champion: Beside | None,
    require_still: Still,
) -> tuple[ShadowRun, ...]:
    """Score every version in shadow, compare each with the champion's list, and record both.

    Args:
        context: Who acts.
        policy: In force; gives the capacity.
        windows: Gives the rows to score, the same for every version.
        provenance_of: What every row of a list by a version carries.
        model: `<pattern>.<rocu>`.
        champion: What it made of these windows; `None` if there is none.
        require_still: Refuses once the authority of the run is not what it was when it began.
    """
    from governance.promotion.state import model_state

    desk, runs = open_desk(context), []
    for found in model_state(context.audit, model).candidates:
        act = desk.act(context.identity, "promote.shadow", model, found.version, utc_now())
        try:
            with act.recorded(context.audit), _faults_of_the_system():
                runs.append(_score_one(context, desk, act, policy, windows, provenance_of, champion, require_still))
        except (RefusedError, FaultError) as error:
            context.progress(f"version {found.version} could not be scored in shadow: {error.reason}")
            days = len(found.shadow_days)
            needed = found.gate.shadow_runs
            runs.append(ShadowRun(version=found.version, days=days, days_needed=needed, problem=error.reason))
    return tuple(runs)


@contextmanager
def _faults_of_the_system() -> Iterator[None]:
    """A file or folder that cannot be written or read is a fault of this one version's run."""
    try:
        yield
    except OSError as error:
        raise FaultError(
            f"The list in shadow could not be written or read: {error.strerror or type(error).__name__}.",
            "Look at the disk and the folder shadow_scores of the lake, then score again.",
        ) from error


def _score_one(
    context: Context,
    desk: Desk,
    act: Act,
    policy: LoadedPolicy,
    windows: Windows,
    provenance_of: Provenances,
    champion: Beside | None,
    require_still: Still,
) -> ShadowRun:
    from governance.promotion.confirmation import record_shadow_run, require_day_to_come
    from governance.promotion.details import ShadowDetails
    from governance.promotion.state import model_state
    from governance.promotion.verification import verify_candidate
    from models.list_comparison import compare_lists
    from models.scoring import scores_file

    candidate = verify_candidate(desk, act.model, act.version, act.rocu, act.now)
    state = model_state(context.audit, act.model)
    provenance = provenance_of(candidate)
    require_day_to_come(state.version(act.version), provenance.window_end.isoformat())
    target = scores_file(context.lake, provenance, "shadow_scores")
    recorded = _recorded(state, act.version, provenance.run_id)
    with ExitStack() as made:
        content = _in_place(target, recorded)
        if content is None:
            if recorded:
                context.progress(f"{_gone(act.version, provenance.window_end.isoformat())}: it is made again")
            # put in place once the log has it; another process may be making the same run
            temporary = made.enter_context(placed(target))
            content = _content(policy, candidate, provenance, windows())
            temporary.write_bytes(content)
        listed = champion.listed if champion else None
        compared = compare_lists(_table(content), listed, policy.policy.rows(provenance.pattern))
        details = ShadowDetails(
            run_id=provenance.run_id,
            as_of=provenance.window_end.isoformat(),
            model_sha256=candidate.sha256,
            evidence_digest=candidate.evidence_digest,
            data_digest=provenance.data_digest,
            scores_sha256=hashlib.sha256(content).hexdigest(),
            champion=champion.version if champion else None,
            champion_run=champion.run_id if champion else None,
            **compared.model_dump(),
        )
        # a suspension or withdrawal while it was made stops it as it stops a champion's
        verify_candidate(desk, act.model, act.version, act.rocu, utc_now())
        require_still()
        found = record_shadow_run(desk, act, details)
    figures = compared.model_dump(exclude={"k"})
    return ShadowRun(version=act.version, days=len(found.shadow_days), days_needed=candidate.shadow_runs, **figures)


def _recorded(state: ModelState, version: str, run_id: str) -> frozenset[str]:
    """SHA-256 of each file that the log says this run made."""
    shadows = state.version(version).shadows
    return frozenset(run.details.scores_sha256 for run in shadows if run.details.run_id == run_id)


def _in_place(target: Path, recorded: frozenset[str]) -> bytes | None:
    """The file that the log says this run made, if it is there; one that lies under another name is copied."""
    there = _as_recorded(target, recorded)
    if there is not None:
        return there
    for left in left_behind(target) if recorded else ():
        # not moved: it may be of a process that has only just recorded it, and is about to put it in place itself
        content = _as_recorded(left, recorded)
        if content is not None:
            with placed(target) as temporary:
                temporary.write_bytes(content)
            return content
    return _as_recorded(target, recorded)


def _as_recorded(path: Path, recorded: frozenset[str]) -> bytes | None:
    """What is in a file, if the log has it. What was hashed is what is given."""
    with suppress(FileNotFoundError):
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() in recorded:
            return content
    return None


def missing_lists(context: Context, state: ModelState) -> tuple[str, ...]:
    """A sentence for each day in shadow of a version on its way of which the log has a list and the lake has none."""
    pattern, _, rocu = state.model.partition(".")
    found = []
    for version in state.candidates:
        days: dict[str, bool] = {}
        for run in version.shadows:
            keys = {"pattern": pattern, "as_of": run.details.as_of, "run": run.details.run_id}
            path = context.lake.folder("shadow_scores", rocu, **keys) / "scores.parquet"
            there = path.is_file() and file_sha256(path) in _recorded(state, version.version, run.details.run_id)
            days[run.details.as_of] = days.get(run.details.as_of, False) or there
        found += [_gone(version.version, day) for day, there in days.items() if not there]
    return tuple(found)


def _gone(version: str, day: str) -> str:
    return f"the list in shadow of version {version} of {day} is on record and not in the lake"


def _table(content: bytes) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.ParquetFile(pa.BufferReader(content)).read()


def _content(policy: LoadedPolicy, candidate: Candidate, provenance: Provenance, windows: pa.Table) -> bytes:
    from models.patterns import get_pattern
    from models.scoring import list_content, score_windows

    settings: Any = policy.policy.pattern(provenance.pattern)
    # nobody reads it, so no row is listed and none is explained
    scored = score_windows(candidate.text, windows, get_pattern(provenance.pattern), settings, 0)
    return list_content(scored, provenance, utc_now())
