"""Whether a policy is stricter or weaker than another, key by key.

Every key is declared here: which way is stricter, that it is no limit (`neutral`), or that nobody can tell (`other`). A
key that is not declared is `other` too, so that a new limit is left to people until somebody has thought about it. Does
not belong here: what a limit is for (the policy file says it).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from governance.policy.difference import leaves
from governance.policy.document import RocuPolicy

Direction = Literal["stricter", "weaker", "other", "neutral"]
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
        return "neutral" if after == before else "stricter" if after > before else "weaker"
    return "other"


def _lower(before: Any, after: Any) -> Direction:
    return _higher(after, before)


def _fewer(before: Any, after: Any) -> Direction:
    """A list of what is allowed: with something more in it, it is weaker."""
    if not isinstance(before, list) or not isinstance(after, list):
        return "other"
    kept, named = ({str(one) for one in values} for values in (before, after))
    return "neutral" if named == kept else "stricter" if named < kept else "weaker"


def _more(before: Any, after: Any) -> Direction:
    """A list of what is demanded: with something left out of it, it is weaker."""
    if not isinstance(before, list) or not isinstance(after, list):
        return "other"
    kept, named = ({str(one) for one in values} for values in (before, after))
    return "neutral" if named == kept else "stricter" if named > kept else "weaker"


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


def _neutral(_before: Any, _after: Any) -> Direction:
    return "neutral"


def _unclear(_before: Any, _after: Any) -> Direction:
    return "other"


_OF_A_FEED, _OF_FEEDS = "ingest.lateness_p95_max_s_by_feed.", "ingest.lateness_p95_max_s"

_DECIDING: Mapping[str, _Compare] = {
    "approvers_needed": _higher,
    "shadow_runs": _higher,
    "random_review": _higher,
    "capacity": _lower,
    "approval_valid_days": _lower,
    "request_valid_days": _lower,
    "syops_valid_days": _lower,
    "token_max_age_hours": _lower,
    "runs.max_authority_days": _lower,
    "runs.age_bands": _bands,
    "gate.fairness_attributes": _more,
    "gate.fairness_min_expected": _lower,
    "gate.required_documents": _more,
    "vault.purposes": _fewer,
    "vault.max_tokens": _lower,
    "vault.authority_format": _unclear,
    "vault.authority_example": _neutral,
    "version": _neutral,
}
# with more reads, legs or history needed before something is judged, less is judged
_INGEST: Mapping[str, _Compare] = {
    "retention_days": _lower,
    "retention_from": _today,
    "authorised_area": _area,
    "clock_skew_max_s": _lower,
    "position_tolerance_m": _lower,
    "lateness_p95_max_s": _lower,
    "known_feeds": _fewer,
    "min_volume_share": _higher,
    "min_camera_day_reads": _lower,
    "min_batch_reads": _lower,
    "min_leg_km": _lower,
    "min_history_reads": _lower,
    "min_expected_reads": _lower,
    "min_history_weeks": _lower,
    "camera_blame_min_vehicles": _lower,
    "camera_blame_min_share": _lower,
    "clone_min_legs": _lower,
    "duplicate_seconds": _unclear,
    "confidence_history_days": _unclear,
    "volume_history_weeks": _unclear,
    "misread_within_s": _unclear,
    "misread_route_within_s": _unclear,
}
_MONITORING: Mapping[str, _Compare] = {
    "span_days": _unclear,
    "reference_windows": _unclear,
    "ranked_rows": _unclear,
    "sample_rows": _higher,
    "seed": _neutral,
    "reports": _neutral,
    "ranked_factor": _lower,
    "missing_change": _lower,
    "feature_share": _lower,
    "least_reads_left": _higher,
    "least_days": _higher,
    "estate.low_share": _higher,
    "estate.silent_share": _higher,
    "estate.flood_share": _lower,
    "estate.flood_least": _lower,
    "estate.surprise": _lower,
    "estate.gone_days": _lower,
    "labels.late_after_days": _lower,
    "labels.look_back_days": _higher,
    "labels.late_share": _lower,
    "labels.confirmed_change": _lower,
    "labels.least_findings": _lower,
}
_KEYS: Mapping[str, _Compare] = MappingProxyType(
    {
        **_DECIDING,
        **{f"ingest.{name}": compare for name, compare in _INGEST.items()},
        **{f"monitoring.{name}": compare for name, compare in _MONITORING.items()},
    }
)
# Where no key is named: part of the policy, what the key's last part starts with. The first that fits counts. Settings
# of training and of patterns are no limits: each version's record has its own, and they are compared there.
_PREFIXES: tuple[tuple[str, str, _Compare], ...] = (
    ("gate.", "min_", _higher),
    ("gate.", "max_", _lower),
    (_OF_A_FEED, "", _lower),
    ("ingest.", "max_", _lower),
    ("training.", "min_", _higher),
    ("training.", "", _neutral),
    ("patterns.", "", _neutral),
    ("transparency.", "", _neutral),
    ("change_plan.", "high", _lower),
    ("change_plan.", "low", _higher),
    ("tuning.", "high", _lower),
    ("tuning.", "low", _higher),
    ("monitoring.", "threshold", _lower),
    ("monitoring.", "method", _unclear),
)


def judged_differences(usual: RocuPolicy, own: RocuPolicy) -> tuple[PolicyDifference, ...]:
    """Every key that `own` sets otherwise than `usual`, each with its direction; the version's name apart."""
    before, after = (dict(leaves(policy.model_dump(mode="json"))) for policy in (usual, own))
    changed = (key for key in sorted({*before, *after}) if before.get(key) != after.get(key) and key != "version")
    return tuple(
        PolicyDifference(
            key=key,
            usual=str(before.get(key, "not set")),
            own=str(after.get(key, "not set")),
            direction=direction_of(key, _standing(key, before), _standing(key, after)),
        )
        for key in changed
    )


def _standing(key: str, values: Mapping[str, Any]) -> Any:
    """What holds by a policy; of a feed without a limit of its own it is the limit of all feeds."""
    return values.get(key, values.get(_OF_FEEDS) if key.startswith(_OF_A_FEED) else None)


def loosened_keys(usual: RocuPolicy, own: RocuPolicy) -> tuple[str, ...]:
    """The keys in which `own` is weaker than `usual`, or may be: nobody can tell."""
    return tuple(one.key for one in judged_differences(usual, own) if one.direction in ("weaker", "other"))


def direction_of(key: str, before: Any, after: Any) -> Direction:
    """Whether a key went stricter or weaker from one value to another."""
    compare = _declared(key)
    return compare(before, after) if compare else "other"


def is_declared(key: str) -> bool:
    """Whether anybody has said what a difference in a key means."""
    return _declared(key) is not None


def _declared(key: str) -> _Compare | None:
    last = key.rpartition(".")[2]
    found = (compare for part, start, compare in _PREFIXES if key.startswith(part) and last.startswith(start))
    return _KEYS.get(key) or next(found, None)
