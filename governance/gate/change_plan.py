"""The change plan: what a retrain may change without a full board, and a challenger held against it.

Inside the plan lie more recent data of the same source and knobs within bounds. Whatever else differs from the champion
in force, or cannot be compared with it, needs the full board. Pure: two records and two policies in, the changes out.
Does not belong here: who sits on the board (promotion), where records come from (flows).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from governance.policy.strictness import loosened_keys

if TYPE_CHECKING:
    from governance.policy.change_limits import ChangePlan
    from governance.policy.document import RocuPolicy
    from models.definition import Definition
    from models.tuning_bounds import Bounds
    from models.version_record import VersionRecord

DATA_RULES = frozenset({"latest_window_ends"})
UNKNOWN = "not recorded"
ASPECTS = (
    "data window",
    "hyper-parameters",
    "other training settings",
    "capacity",
    "features",
    "pattern settings",
    "pattern code",
    "label source",
    "purpose",
    "contract",
    "library",
    "policy",
)


class Changed(BaseModel):
    """One thing that the challenger has otherwise than the champion.

    Args:
        aspect: One of `ASPECTS`.
        what: The setting or part, as people know it.
        inside: Whether the plan allows it.
        limit: What the plan says about it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    aspect: str
    what: str
    before: str
    after: str
    inside: bool
    limit: str


class Change(BaseModel):
    """A challenger against the champion that stands.

    Args:
        compared_with: The champion's version.
        changed: Whatever differs.
        limits_digest: Of the change plan that was applied.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    compared_with: str
    changed: tuple[Changed, ...]
    limits_digest: str

    @property
    def board_needed(self) -> bool:
        """Whether anything lies outside the plan. Follows from the changes, so it cannot be said otherwise."""
        return not all(one.inside for one in self.changed)

    @property
    def outside(self) -> tuple[Changed, ...]:
        """What the plan does not allow."""
        return tuple(one for one in self.changed if not one.inside)


def compare_versions(
    champion: VersionRecord,
    challenger: VersionRecord,
    plan: ChangePlan,
    policy_then: RocuPolicy | None,
    policy_now: RocuPolicy,
) -> Change:
    """Everything that a challenger has otherwise than the champion, each inside or outside the plan.

    Args:
        champion: The record of the version in force.
        challenger: The record of the version that asks.
        plan: Of the policy in force.
        policy_then: The policy under which the champion was judged; `None` if it is not known any more.
        policy_now: The policy in force.
    """
    changed = (
        *_data(champion, challenger, plan),
        *_training(champion, challenger, plan),
        *_meaning(champion, challenger),
        *_policy(policy_then, policy_now),
    )
    return Change(compared_with=champion.version, changed=changed, limits_digest=plan.digest)


def _data(champion: VersionRecord, challenger: VersionRecord, plan: ChangePlan) -> Iterator[Changed]:
    before, after = champion.inputs, challenger.inputs
    said = _span(champion), _span(challenger)
    if said[0] == said[1]:
        return
    low, high = plan.window_ends.low, plan.window_ends.high
    inside = (
        low <= len(after.window_ends) <= high
        and after.window_ends[0] >= before.window_ends[0]
        and after.window_ends[-1] >= before.window_ends[-1]
        and after.as_of >= before.as_of
    )
    limit = f"{low:g} to {high:g} window ends, neither the first nor the last earlier than the champion's"
    yield Changed(aspect="data window", what="data", before=said[0], after=said[1], inside=inside, limit=limit)


def _span(record: VersionRecord) -> str:
    from data_contracts.layers.reads import parts_digest

    inputs = record.inputs
    parts = parts_digest((*inputs.reads, *inputs.dispositions))[:12]
    return (
        f"{len(inputs.window_ends)} window ends, {inputs.window_ends[0]} to {inputs.window_ends[-1]}, known by "
        f"{inputs.as_of}; {sum(part.rows for part in inputs.reads):,} reads, "
        f"{sum(part.rows for part in inputs.dispositions):,} findings (parts {parts})"
    )


def _training(champion: VersionRecord, challenger: VersionRecord, plan: ChangePlan) -> Iterator[Changed]:
    before, after = champion.inputs.training.model_dump(), challenger.inputs.training.model_dump()
    bounds: dict[str, Bounds] = dict(plan.hyper_parameters)
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name in bounds:
            low, high = bounds[name].low, bounds[name].high
            inside, limit = new is not None and low <= new <= high, f"{low:g} to {high:g}"
            yield _changed("hyper-parameters", f"training.{name}", old, new, inside, limit)
        elif name in DATA_RULES:
            yield _changed("data window", f"training.{name}", old, new, True, "as the number of window ends")
        else:
            yield _changed("other training settings", f"training.{name}", old, new)


def _meaning(champion: VersionRecord, challenger: VersionRecord) -> Iterator[Changed]:
    yield from _differs("capacity", "rows of a list (k)", champion.inputs.capacity, challenger.inputs.capacity)
    old, new = champion.inputs.pattern_settings, challenger.inputs.pattern_settings
    for name in sorted({*old, *new}):
        yield from _differs("pattern settings", f"{challenger.inputs.pattern}.{name}", old.get(name), new.get(name))
    yield from _features(champion.training.features, challenger.training.features)
    yield from _definitions(champion.definition, challenger.definition)
    yield from _contract(champion.inputs.contract_versions, challenger.inputs.contract_versions)
    yield from _differs("library", "LightGBM", champion.training.lightgbm_version, challenger.training.lightgbm_version)


def _features(before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[Changed]:
    if before == after:
        return
    gone, come = sorted({*before} - {*after}), sorted({*after} - {*before})
    said = [f"without {', '.join(gone)}"] * bool(gone) + [f"with {', '.join(come)}"] * bool(come)
    yield _changed("features", "features", f"{len(before)} features", "; ".join(said) or "in another order")


def _definitions(before: Definition | None, after: Definition | None) -> Iterator[Changed]:
    named = {
        "features": ("meaning of the features", "features_digest"),
        "pattern code": ("code of rows, labels and fit", "pattern_code"),
        "label source": ("who says what a label is", "label_source"),
        "purpose": ("what it is for", "purpose"),
    }
    for aspect, (what, field) in named.items():
        yield from _known(aspect, what, getattr(before, field, None), getattr(after, field, None))
    yield from _known(
        "label source", "what confirmed means", *(getattr(d, "confirmed_means", None) for d in (before, after))
    )
    yield from _known("purpose", "what it is not for", *(getattr(d, "not_for", None) for d in (before, after)))


def _known(aspect: str, what: str, before: str | None, after: str | None) -> Iterator[Changed]:
    """A difference; what is not recorded on either side counts as one, for it cannot be compared."""
    if before is None or after is None or before != after:
        yield _changed(aspect, what, before, after)


def _contract(before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[Changed]:
    if before == after and after:
        return
    majors = [{version.partition(".")[0] for version in versions} for versions in (before, after)]
    inside = bool(majors[1]) and majors[1] <= majors[0]
    said = ", ".join(before) or None, ", ".join(after) or None
    yield _changed("contract", "contract of the reads", *said, inside, "no other major version")


def _policy(then: RocuPolicy | None, now: RocuPolicy) -> Iterator[Changed]:
    if then is not None and then.digest == now.digest:
        return
    loosened = loosened_keys(then, now) if then is not None else ()
    said = f"{now.version} ({now.digest[:12]})"
    if loosened:
        said += f", weaker, or not to be compared, in {', '.join(loosened)}"
    before = f"{then.version} ({then.digest[:12]})" if then is not None else None
    limit = "known, weaker in nothing, and comparable in everything"
    yield _changed("policy", "limits in force", before, said, then is not None and not loosened, limit)


def _differs(aspect: str, what: str, before: object, after: object) -> Iterator[Changed]:
    if before != after:
        yield _changed(aspect, what, before, after)


def _changed(
    aspect: str, what: str, before: Any, after: Any, inside: bool = False, limit: str = "may not change"
) -> Changed:
    old, new = (UNKNOWN if value is None else str(value) for value in (before, after))
    return Changed(aspect=aspect, what=what, before=old, after=new, inside=inside, limit=limit)
