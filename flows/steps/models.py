"""Looking at models: every version and where it stands, one version, two versions side by side.

Belongs here: putting together what the registry, the audit log and the lake say. Does not: a vehicle; of two lists only
figures are shown, of shadow lists too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from flows.context import Context, permit
from flows.steps.desk import open_desk, policy_of
from flows.steps.results import StepResult
from governance.access.permissions import EVERY_ROCU
from infra.clock import utc_now
from infra.lake import file_sha256

if TYPE_CHECKING:
    from governance.promotion.state import ModelState, VersionState
    from models.registry import VersionRecord

NOT_THERE = "-"


class ListedVersion(BaseModel):
    """One version in one line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    version: int
    state: str
    approvals: str
    shadow_days: str
    ends: str
    next: str


class ShownVersion(StepResult):
    """One version, and what its life rests on."""

    model: str
    version: int
    state: str
    next: str
    trained_by: str
    trained_as_of: date
    registered: str
    code: str
    model_sha256: str
    signature: str
    evidence_digest: str | None = None
    policy: str | None = None
    gate: str | None = None
    board_needed: bool | None = None
    ends: str | None = None
    reason: str | None = None
    not_passed: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    shadow_runs: tuple[str, ...] = ()

    def summary(self) -> dict[str, str | int | float]:
        """The values, then a line for each gate line that did not pass, each approval and each shadow run."""
        plain = super().summary()
        for name, title in (("not_passed", "not passed"), ("approvals", "approval"), ("shadow_runs", "shadow run")):
            plain.pop(name)
            plain |= {f"{title} {number}": text for number, text in enumerate(getattr(self, name), 1)}
        return plain


class ComparedRow(BaseModel):
    """One thing about both versions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    name: str
    first: str
    second: str

    @property
    def same(self) -> bool:
        """Whether they agree."""
        return self.first == self.second


class Compared(BaseModel):
    """Two versions side by side: `rows` about data, settings, features, figures; `lists` of days that both scored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    first: int
    second: int
    rows: tuple[ComparedRow, ...]
    lists: tuple[dict[str, str | int | float | None], ...]

    @property
    def same_holdout(self) -> bool:
        """Whether the figures of both are of the same vehicles, and so say which is better."""
        return all(row.same for row in self.rows if (row.about, row.name) == ("figure", "hold-out"))


def list_models(context: Context, rocu: str | None) -> tuple[ListedVersion, ...]:
    """Every version of every model of the ROCUs that the identity may see.

    Raises:
        RefusedError: No permission.
        WrongInputError: There is no such ROCU.
        FaultError: The registry does not answer.
    """
    from data_contracts.registers.regions import require_rocu
    from models.patterns import pattern_names

    if rocu is not None:
        require_rocu(rocu, context.now.date())
    rocus = [rocu] if rocu else _own_rocus(context)
    for one in rocus:
        permit(context, "models.read", one, f"models of {one}")
    return tuple(row for one in rocus for name in pattern_names() for row in _versions(context, f"{name}.{one}"))


def _own_rocus(context: Context) -> list[str]:
    folders = (folder.name.removeprefix("rocu=") for folder in (context.lake.root / "ingests").glob("rocu=*"))
    everywhere = EVERY_ROCU in context.identity.rocus
    return sorted(code for code in folders if everywhere or code in context.identity.rocus)


def _versions(context: Context, model: str) -> Iterator[ListedVersion]:
    from governance.promotion.state import model_state
    from models.registry import Registry

    state = model_state(context.audit, model)
    astray = _alias_astray(context, state)
    registered = {one.version for one in Registry(context.settings).versions(model)}
    for version in sorted(registered | set(state.versions), key=int):
        found = state.versions.get(version)
        yield ListedVersion(
            model=model,
            version=int(version),
            state=_state(found, version in registered) + (astray if version == state.champion else ""),
            approvals=f"{len(found.approvals)} of {len(found.gate.parts)}" if found else NOT_THERE,
            shadow_days=f"{len(found.shadow_days)} of {found.gate.shadow_runs}" if found else NOT_THERE,
            ends=_ends(found),
            next=_next(state, found),
        )


def _state(found: VersionState | None, registered: bool = True) -> str:
    from governance.promotion.approvals import is_expired, said

    if found is None:
        return "trained"
    words = "expired" if is_expired(found, utc_now()) else said(found.status)
    if found.promoted and words in ("champion", "suspended") and _lapsed(found):
        words += ", its approval has lapsed"
    return words if registered else f"{words}, not in the registry"


def _alias_astray(context: Context, state: ModelState) -> str:
    """What is to be said of the champion if the registry's alias is not on it; nothing if it is."""
    from governance.promotion.champion_alias import alias_said, alias_standing

    standing, alias = alias_standing(open_desk(context), state)
    return "" if standing == "in step" else f"; {alias_said(standing, alias)}"


def _lapsed(found: VersionState) -> bool:
    from datetime import datetime

    return found.promoted is not None and utc_now() >= datetime.fromisoformat(found.promoted.valid_until)


def _ends(found: VersionState | None) -> str:
    from governance.promotion.life import ENDED

    if found is None or found.status in ENDED:
        return NOT_THERE
    return (found.promoted.valid_until if found.promoted else found.ends or NOT_THERE)[:10]


def _next(state: ModelState, found: VersionState | None) -> str:
    """What the version waits for."""
    from governance.promotion.approvals import is_expired
    from governance.promotion.state import RESUMED_BY

    if found is None:
        return "promote request"
    if is_expired(found, utc_now()):
        return "a new request"
    if found.due_part:
        return f"promote approve, by the {found.due_part}"
    if found in state.candidates:
        more = found.gate.shadow_runs - len(found.shadow_days)
        return f"score in shadow on {more} more {'day' if more == 1 else 'days'}" if more > 0 else "promote confirm"
    if found.status in ("approved", "shadow"):
        return "a new request, the champion has changed"
    if found.status == "suspended":
        return f"promote resume, {len({vote.subject for vote in state.resume_votes})} of {RESUMED_BY} agreed"
    return "a new request" if found.status in ("gate_refused", "refused", "rolled_back") else NOT_THERE


def show_version(context: Context, model: str, version: int) -> ShownVersion:
    """One version: where it stands, what that rests on, and what comes next.

    Raises:
        RefusedError: No permission.
        WrongInputError: There is no such version.
        FaultError: The registry does not answer.
    """
    from governance.gate.line import limits_said, not_passed
    from governance.promotion.plan_words import shadow_figures
    from governance.promotion.registry_port import split_model
    from governance.promotion.state import model_state
    from models.registry import Registry

    permit(context, "models.read", split_model(model)[1], model)
    record, doubt = Registry(context.settings).looked_at(model, str(version))
    state = model_state(context.audit, model)
    found = state.versions.get(str(version))
    shown = ShownVersion(
        model=model,
        version=version,
        state=_state(found) + (_alias_astray(context, state) if str(version) == state.champion else ""),
        next=_next(state, found),
        trained_by=record.trained_by,
        trained_as_of=record.inputs.as_of,
        registered=record.registered_at.strftime("%Y-%m-%d %H:%M UTC"),
        code=record.code.label,
        model_sha256=record.model_sha256,
        signature=f"does not hold, believe none of this: {doubt}" if doubt else "holds",
    )
    if found is None:
        return shown
    runs = (run.details for run in found.shadows)
    return shown.model_copy(
        update={
            "evidence_digest": found.gate.evidence_digest,
            "policy": f"{found.gate.policy_version}, digest {found.gate.policy_digest}",
            "gate": ", ".join(filter(None, (found.gate.gate, limits_said(found.gate.lines)))),
            "board_needed": found.gate.board_needed,
            "ends": _ends(found),
            "reason": found.reason,
            "not_passed": not_passed(found.gate.lines),
            "approvals": tuple(f"{one.at[:16]} {one.name} as {one.part}" for one in found.approvals),
            "shadow_runs": tuple(f"{one.as_of}: {shadow_figures(one.model_dump())}" for one in runs),
        }
    )


def compare_versions(context: Context, model: str, first: int, second: int) -> Compared:
    """Two versions side by side, and figures about the lists of days that both scored.

    Raises:
        RefusedError: No permission, or one of them is not as it was signed.
        WrongInputError: There is no such version.
        FaultError: The registry does not answer.
    """
    from governance.promotion.registry_port import split_model
    from models.registry import Registry

    pattern, rocu = split_model(model)
    permit(context, "models.read", rocu, model)
    registry, k = Registry(context.settings), policy_of(context, rocu).policy.rows(pattern)
    one, two = (dict(_facts(registry.verified(model, str(version)).record)) for version in (first, second))
    rows = tuple(
        ComparedRow(about=key[0], name=key[1], first=one.get(key, NOT_THERE), second=two.get(key, NOT_THERE))
        for key in dict.fromkeys((*one, *two))
    )
    lists = tuple(_compared_lists(context, model, str(first), str(second), k))
    return Compared(model=model, first=first, second=second, rows=rows, lists=lists)


def _facts(record: VersionRecord) -> Iterator[tuple[tuple[str, str], str]]:
    inputs = record.inputs
    data = {
        "trained as of": inputs.as_of,
        "windows": f"{len(inputs.window_ends)}: {inputs.window_ends[0]} to {inputs.window_ends[-1]}",
        "reads": f"{sum(part.rows for part in inputs.reads):,}",
        "rows of findings files": f"{sum(part.rows for part in inputs.dispositions):,}",
        "rows trained on": f"{record.snapshot.train_rows:,}",
        "rows held out": f"{record.snapshot.holdout_rows:,}",
        "contract": ", ".join(inputs.contract_versions),
        "camera register": inputs.register_digest or "none",
        "policy": inputs.policy_digest,
        "code": record.code.label,
    }
    yield from _named("data", data)
    yield from _named("setting", inputs.training.model_dump(mode="json") | {"capacity": inputs.capacity})
    yield from _named("pattern setting", inputs.pattern_settings)
    yield from _named("feature", dict.fromkeys(record.training.features, "yes"))
    for title, population in (
        ("", record.evaluation.all_vehicles),
        (", not yet known", record.evaluation.not_yet_known),
    ):
        for name in ("average_precision", "precision_at_k", "recall_at_k"):
            yield ("figure", f"{name.replace('_', ' ')}{title}"), _estimate(getattr(population.model, name))
    yield ("figure", "calibration error"), _estimate(record.evaluation.all_vehicles.model.calibration_error)
    yield ("figure", "hold-out"), record.evaluation.holdout_digest


def _named(about: str, values: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    for name, value in values.items():
        yield (about, name.replace("_", " ") if about != "feature" else name), str(value)


def _estimate(found: Any) -> str:
    if found.value is None:
        return "not measured"
    return f"{found.value:.3f}" + ("" if found.low is None else f" ({found.low:.3f} to {found.high:.3f})")


def _compared_lists(
    context: Context, model: str, first: str, second: str, k: int
) -> Iterator[dict[str, str | int | float | None]]:
    """Of each day and data that both scored, in service or shadow: how the second's list differs from the first's."""
    import pyarrow.parquet as pq

    from models.list_comparison import compare_lists

    lists = _recorded_lists(context, model)
    for day, data in sorted({(day, data) for day, data, version in lists if version == first}):
        if (day, data, second) in lists:
            mine, other = (pq.ParquetFile(lists[day, data, version]).read() for version in (second, first))
            yield {"as_of": day, **compare_lists(mine, other, k).model_dump()}


def _recorded_lists(context: Context, model: str) -> dict[tuple[str, str, str], Path]:
    """The lists that the log says were made, by day, data and version. A file that is another one is left out."""
    pattern, _, rocu = model.partition(".")
    found = {}
    rows = (*context.audit.entries(model, "score"), *context.audit.entries(model, "promote.shadow"))
    for row in rows:
        if row.outcome != "done" or "run_id" not in row.details:
            continue
        told = row.details
        layer: Any = "scores" if row.action == "score" else "shadow_scores"
        version = str(told["version"]) if row.action == "score" else row.object.rpartition("/")[2]
        keys = {"pattern": pattern, "as_of": told["as_of"], "run": told["run_id"]}
        path = context.lake.folder(layer, rocu, **keys) / "scores.parquet"
        if path.is_file() and file_sha256(path) == told["scores_sha256"]:
            found[told["as_of"], told["data_digest"], version] = path
    return found
