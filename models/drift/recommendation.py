"""From the four drifts to one recommendation, with reasons in plain sentences. A pure function; it never promotes.

Order of precedence: cameras are inspected first, because nothing learnt from a broken estate can be trusted; then a
retrain where behaviour changed and the champion shows it; then a review by people. A fault that was over before the
current span is told, and nobody is sent to look at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from models.drift.results import (
    Action,
    CameraInterval,
    CameraOffset,
    EstateResult,
    FeatureDrift,
    LabelDrift,
    Population,
    Recommendation,
    ScoreDrift,
)
from models.drift.settings import MonitorSettings

_KINDS = {
    "silent": ("was silent", "were silent"),
    "reduced": ("saw much less than usual", "saw much less than usual"),
    "flood": ("saw much more than usual", "saw much more than usual"),
    "new": ("is new", "are new"),
    "removed": ("has been silent up to the end or was removed", "have been silent up to the end or were removed"),
}
_OFFSETS = {
    "clock_offset": ("had a wrong clock", "had wrong clocks"),
    "wrong_place": ("stood elsewhere than registered", "stood elsewhere than registered"),
}
_POPULATIONS: dict[Population, str] = {"all": "all vehicles", "ranked": "the vehicles ranked highest"}


def recommend(
    estate: EstateResult,
    features: Sequence[FeatureDrift],
    scores: ScoreDrift | None,
    labels: LabelDrift,
    settings: MonitorSettings,
) -> Recommendation:
    """Draw the recommendation.

    Args:
        estate: Camera intervals and offsets of both spans.
        features: Every feature compared, raw and adjusted, per population.
        scores: The champion's scores, or `None` where there is no champion yet.
        labels: Late and changed labels.
        settings: Gives the share of features whose drift is a finding.
    """
    moved = _moved_populations(features, settings.feature_share)
    scores_moved = scores is not None and scores.attribution in ("behaviour", "both")
    actions: list[Action] = []
    present, past = _by_span(estate)
    if present.changed_cameras or present.empty_days:
        actions.append("inspect_cameras")
    if moved and (scores_moved or labels.confirmed_changed):
        actions.append("review_labels" if labels.late else "retrain")
    elif moved or scores_moved:
        actions.append("review_behaviour")
    if (labels.late or (labels.confirmed_changed and not moved)) and "review_labels" not in actions:
        actions.append("review_labels")
    reasons = (
        *_estate_reasons(present),
        *_over(past, estate.current_from),
        *_feature_reasons(features, moved, settings.feature_share),
        *_score_reasons(scores),
        *_label_reasons(labels),
    )
    if not actions:
        return Recommendation(action="none", then=(), reasons=(*reasons, "Nothing found calls for action."))
    if "retrain" in actions and "inspect_cameras" in actions:
        reasons = (*reasons, "Inspect the cameras before training: a retrain now would learn the state of the estate.")
    return Recommendation(action=actions[0], then=tuple(actions[1:]), reasons=reasons)


def _moved_populations(features: Sequence[FeatureDrift], share: float) -> tuple[Population, ...]:
    moved: list[Population] = []
    for population in _POPULATIONS:
        own = [item for item in features if item.population == population]
        drifted = sum(item.attribution in ("behaviour", "both") for item in own)
        if drifted and drifted >= share * len(own):
            moved.append(population)
    return tuple(moved)


def _by_span(estate: EstateResult) -> tuple[EstateResult, EstateResult]:
    """What touches the current span, and what was over before it."""
    since = estate.current_from
    present = {
        "intervals": tuple(one for one in estate.intervals if one.end >= since),
        "offsets": tuple(one for one in estate.offsets if one.end >= since),
        "empty_days": tuple(day for day in estate.empty_days if day >= since),
    }
    past = {
        "intervals": tuple(one for one in estate.intervals if one.end < since),
        "offsets": tuple(one for one in estate.offsets if one.end < since),
        "empty_days": tuple(day for day in estate.empty_days if day < since),
    }
    return estate.model_copy(update=present), estate.model_copy(update=past)


def _over(past: EstateResult, since: date) -> list[str]:
    said = f"Over before the current span began on {since}, nothing to inspect: "
    return [f"{said}{reason[0].lower()}{reason[1:]}" for reason in _faults(past)]


def _estate_reasons(estate: EstateResult) -> list[str]:
    asked = ["Ask whoever delivers the batches about the days without reads."] if estate.empty_days else []
    return [*_faults(estate), *asked]


def _faults(estate: EstateResult) -> list[str]:
    reasons = []
    for kind, text in _KINDS.items():
        found = [interval for interval in estate.intervals if interval.kind == kind]
        sites = sorted({one.site_id for one in found if one.scope == "site"})
        reasons += _told(found, text, f"; whole sites: {', '.join(sites[:5])}" if sites else "")
    for kind, text in _OFFSETS.items():
        reasons += _told([offset for offset in estate.offsets if offset.kind == kind], text)
    if estate.empty_days:
        reasons.append(
            f"No camera delivered a read on {len(estate.empty_days)} days, the first {estate.empty_days[0]}."
        )
    return reasons


def _told(found: Sequence[CameraInterval | CameraOffset], text: tuple[str, str], more: str = "") -> list[str]:
    cameras = sorted({one.camera_id for one in found})
    if not cameras:
        return []
    span = f"{min(one.start for one in found)} to {max(one.end for one in found)}"
    listed = ", ".join(cameras[:5]) + (f" and {len(cameras) - 5} more" if len(cameras) > 5 else "")
    counted = f"1 camera {text[0]}" if len(cameras) == 1 else f"{len(cameras)} cameras {text[1]}"
    return [f"{counted} ({span}): {listed}{more}."]


def _feature_reasons(features: Sequence[FeatureDrift], moved: Sequence[Population], share: float) -> list[str]:
    reasons = []
    for population, text in _POPULATIONS.items():
        own = [item for item in features if item.population == population]
        cameras = [item.feature for item in own if item.attribution == "cameras"]
        behaviour = [item.feature for item in own if item.attribution in ("behaviour", "both")]
        if cameras and any(item.adjusted is None for item in own):
            reasons.append(
                f"Among {text}, {_counted(cameras, len(own))} drifted, but too few reads are left without the changed "
                "cameras to look for behaviour."
            )
        elif cameras:
            reasons.append(
                f"Among {text}, the drift of {_counted(cameras, len(own))} goes away without the changed cameras."
            )
        if behaviour:
            said = "behaviour has changed" if population in moved else f"fewer than the {share:.0%} that are a finding"
            reasons.append(f"Among {text}, {_counted(behaviour, len(own))} drifted whatever the cameras: {said}.")
    return reasons


def _counted(names: Sequence[str], total: int) -> str:
    listed = ", ".join(name.replace("_", " ") for name in names[:4]) + (", …" if len(names) > 4 else "")
    return f"{len(names)} of {total} features ({listed})"


def _score_reasons(scores: ScoreDrift | None) -> list[str]:
    if scores is None:
        return ["There is no champion, so no scores were compared."]
    return {
        "none": [],
        "cameras": ["The champion's scores moved because of the changed cameras."],
        "behaviour": ["The champion's scores moved, and not because of cameras."],
        "both": ["The champion's scores moved, only in part because of cameras."],
    }[scores.attribution]


def _label_reasons(labels: LabelDrift) -> list[str]:
    reasons = []
    if labels.late and labels.late_share is not None:
        reasons.append(
            f"{labels.ranked_without_finding} of {labels.ranked_due} ranked vehicles that were due a finding have none "
            f"({labels.late_share:.0%}): labels are late, and a retrain would learn from few."
        )
    before, now = labels.reference.confirmed_share, labels.current.confirmed_share
    if labels.confirmed_changed and before is not None and now is not None:
        reasons.append(f"The confirmed share of findings went from {before:.0%} to {now:.0%}.")
    return reasons
