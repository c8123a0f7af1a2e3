"""Where every ROCU stands: reads, failed batches, champion, scores, and what was left half-done."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from flows.context import Context, permit
from flows.steps.desk import open_desk
from flows.steps.shadow import missing_lists
from governance.access.permissions import EVERY_ROCU
from infra.clock import utc_now
from infra.errors import FaultError, RefusedError
from infra.lake import half_placed

if TYPE_CHECKING:
    from governance.promotion.record import Desk
    from governance.promotion.state import ModelState


AT_WORK = timedelta(hours=1)
_FAILS = "cannot be verified, so scoring fails"


class RocuStatus(BaseModel):
    """One ROCU and one of its models; without a model the last five are empty.

    While the audit log does not hold, `state` says that of every row, and nothing is concluded from the log. `missing`
    are sentences, each about a list that is on record and not in the lake as it was made. `half_placed` are files and
    folders that kills left in the lake and that nobody has written to for an hour.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rocu: str
    reads_until: date | None
    reads: int
    failed_batches: int
    half_placed: int = 0
    model: str | None = None
    champion: str | None = None
    state: str | None = None
    scores_until: date | None = None
    missing: tuple[str, ...] = ()


def read_status(context: Context, only: str | None = None) -> tuple[RocuStatus, ...]:
    """One row per ROCU that the identity may see and that has anything in the lake, and per model.

    Args:
        context: Who asks.
        only: A ROCU; all without.

    Raises:
        RefusedError: No permission, or not for this ROCU.
        WrongInputError: There is no such ROCU.
    """
    from data_contracts.registers.regions import require_rocu

    if only is not None:
        require_rocu(only, context.now.date())
    permit(context, "status", only, "status")
    problem = context.audit.check(utc_now()).problem
    broken = f"the audit log does not hold: {problem.what}" if problem is not None else None
    rows: list[RocuStatus] = []
    for folder in sorted((context.lake.root / "ingests").glob("rocu=*")):
        rocu = folder.name.removeprefix("rocu=")
        own = EVERY_ROCU in context.identity.rocus or rocu in context.identity.rocus
        if own and only in (None, rocu):
            rows += _of_rocu(context, rocu, broken)
    return tuple(rows)


def _of_rocu(context: Context, rocu: str, broken: str | None) -> list[RocuStatus]:
    from data_contracts.layers.reads import read_parts, standing_failures
    from models.pattern_names import pattern_names

    parts = read_parts(context.lake, rocu, date.min, date.max)
    plain = RocuStatus(
        rocu=rocu,
        reads_until=max((part.date for part in parts if part.date and part.rows), default=None),
        reads=sum(part.rows for part in parts),
        failed_batches=len(standing_failures(context.lake, rocu, date.min, date.max)),
        half_placed=len(half_placed(context.lake, rocu, AT_WORK, context.now)),
        state=broken,
    )
    models = [name for name in pattern_names() if _known(context, f"{name}.{rocu}")]
    told = _unbelieved if broken else _of_model
    return [told(context, plain, name) for name in models] or [plain]


def _alias_and_scoring(desk: Desk, state: ModelState) -> str:
    """Where the alias is, if it is not on the champion; else what scoring would say. A silent registry ends nothing."""
    from governance.promotion.champion_alias import alias_said, alias_standing

    try:
        standing, alias = alias_standing(desk, state)
    except FaultError as fault:
        what = _FAILS if state.champion else "no champion; the alias cannot be looked at"
        return f"{what}: {fault.reason}"
    if standing != "in step":
        return alias_said(standing, alias)
    return _scoring_would_say(desk, state) if state.champion else "no champion"


def _scoring_would_say(desk: Desk, state: ModelState) -> str:
    """Whether the champion verifies, by the very check that scoring makes of it; looking is no run, so no entry."""
    from governance.promotion.verification import verify_champion

    try:
        verify_champion(desk, state.model, state.model.partition(".")[2], utc_now())
    except RefusedError as refusal:
        return f"scoring refuses: {refusal.reason}"
    except FaultError as fault:
        return f"{_FAILS}: {fault.reason}"
    return "in force"


def _known(context: Context, model: str) -> bool:
    found = context.audit.search(rocus=frozenset({model.partition(".")[2]}), object=model, limit=1, any_version=True)
    return bool(found)


def _unbelieved(context: Context, plain: RocuStatus, pattern: str) -> RocuStatus:
    """A model of which the log cannot be believed: who is champion, and what is missing, is not said."""
    until = _scores_until(context, plain.rocu, pattern)
    return plain.model_copy(update={"model": f"{pattern}.{plain.rocu}", "scores_until": until})


def _of_model(context: Context, plain: RocuStatus, pattern: str) -> RocuStatus:
    from governance.promotion.state import model_state

    model = f"{pattern}.{plain.rocu}"
    desk, state = open_desk(context), model_state(context.audit, model)
    return plain.model_copy(
        update={
            "model": model,
            "champion": state.champion,
            "state": "suspended" if state.suspended else _alias_and_scoring(desk, state),
            "scores_until": _scores_until(context, plain.rocu, pattern),
            "missing": tuple(f"{what}: score that day again" for what in missing_lists(context, state)),
        }
    )


def _scores_until(context: Context, rocu: str, pattern: str) -> date | None:
    scored = context.lake.folder("scores", rocu, pattern=pattern).glob("as_of=*")
    return max((date.fromisoformat(path.name.removeprefix("as_of=")) for path in scored), default=None)
