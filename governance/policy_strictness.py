"""Whether a policy is stricter or weaker than another, key by key.

For each key whose direction is known it is declared here which way is stricter; any other difference is called `other`
and left to people. Does not belong here: what a limit is for (the policy file says it).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from governance.policy import RocuPolicy
from governance.policy_difference import leaves

Direction = Literal["stricter", "weaker", "other"]
_Compare = Callable[[Any, Any], Direction]


class PolicyDifference(BaseModel):
    """One key that a policy sets otherwise, and which way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    usual: str
    own: str
    direction: Direction


def _higher(before: Any, after: Any) -> Direction:
    if isinstance(before, int | float) and isinstance(after, int | float):
        return "stricter" if after > before else "weaker"
    return "other"


def _lower(before: Any, after: Any) -> Direction:
    return _higher(after, before)


def _fewer(before: Any, after: Any) -> Direction:
    """A list of what is allowed: with something more in it, it is weaker."""
    if not isinstance(before, list) or not isinstance(after, list):
        return "other"
    kept, named = ({str(one) for one in values} for values in (before, after))
    return "stricter" if named < kept else "weaker" if named - kept else "other"


def _more(before: Any, after: Any) -> Direction:
    """A list of what is demanded: with something left out of it, it is weaker."""
    if not isinstance(before, list) or not isinstance(after, list):
        return "other"
    kept, named = ({str(one) for one in values} for values in (before, after))
    return "stricter" if named > kept else "weaker" if kept - named else "other"


def _area(before: Any, after: Any) -> Direction:
    """Corners of an area, or none for no limit; of two areas nobody can say here."""
    return "stricter" if before is None and after else "weaker" if before and after is None else "other"


def _bands(before: Any, after: Any) -> Direction:
    """Bands of age, each with the purposes that may use reads of that age: more purposes at any age is weaker."""
    edges = sorted({float(band["up_to_days"] or math.inf) for band in (*before, *after)})
    pairs = [(_allowed(before, edge), _allowed(after, edge)) for edge in edges]
    if any(new - old for old, new in pairs):
        return "weaker"
    return "stricter" if any(old - new for old, new in pairs) else "other"


def _allowed(bands: Any, age: float) -> set[str]:
    """The purposes of the first band that reaches the age."""
    reaching = (band for band in bands if band["up_to_days"] is None or age <= band["up_to_days"])
    return set(next(reaching, {"purposes": ()})["purposes"])


def _today(_: Any, after: Any) -> Direction:
    return "stricter" if after == "today" else "weaker"


# Exact keys first; then what a key's last part starts with, under the given part of the policy.
_KEYS: Mapping[str, _Compare] = MappingProxyType(
    {
        "approvers_needed": _higher,
        "shadow_runs": _higher,
        "random_review": _higher,
        "approval_valid_days": _lower,
        "request_valid_days": _lower,
        "syops_valid_days": _lower,
        "token_max_age_hours": _lower,
        "runs.max_authority_days": _lower,
        "runs.age_bands": _bands,
        "gate.fairness_attributes": _more,
        "gate.required_documents": _more,
        "ingest.retention_days": _lower,
        "ingest.retention_from": _today,
        "ingest.authorised_area": _area,
        "ingest.clock_skew_max_s": _lower,
        "ingest.position_tolerance_m": _lower,
        "ingest.lateness_p95_max_s": _lower,
        "ingest.known_feeds": _fewer,
        "ingest.min_volume_share": _higher,
        "vault.purposes": _fewer,
        "vault.max_tokens": _lower,
    }
)
_PREFIXES: tuple[tuple[str, str, _Compare], ...] = (
    ("gate.", "min_", _higher),
    ("gate.", "max_", _lower),
    ("ingest.", "max_", _lower),
    ("training.", "min_", _higher),
    ("change_plan.", "high", _lower),
    ("change_plan.", "low", _higher),
)


def judged_differences(usual: RocuPolicy, own: RocuPolicy) -> tuple[PolicyDifference, ...]:
    """Every key that `own` sets otherwise than `usual`, each stricter, weaker or other; the version's name apart."""
    before, after = (dict(leaves(policy.model_dump(mode="json"))) for policy in (usual, own))
    changed = (key for key in sorted({*before, *after}) if before.get(key) != after.get(key) and key != "version")
    return tuple(
        PolicyDifference(
            key=key,
            usual=str(before.get(key, "not set")),
            own=str(after.get(key, "not set")),
            direction=direction_of(key, before.get(key), after.get(key)),
        )
        for key in changed
    )


def weaker_keys(usual: RocuPolicy, own: RocuPolicy) -> tuple[str, ...]:
    """The keys in which `own` is weaker than `usual`."""
    return tuple(one.key for one in judged_differences(usual, own) if one.direction == "weaker")


def direction_of(key: str, before: Any, after: Any) -> Direction:
    """Whether a key went stricter or weaker from one value to another."""
    if key in _KEYS:
        return _KEYS[key](before, after)
    last = key.rpartition(".")[2]
    for part, start, compare in _PREFIXES:
        if key.startswith(part) and last.startswith(start):
            return compare(before, after)
    return "other"
