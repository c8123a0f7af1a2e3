"""Sentences of facts: why a row ranks where it does, what speaks against it, and what to read first.

A contribution decides only whether and in which order a sentence is said; the sentence itself holds facts of the window
and settings that the window was built with. No sentence draws a conclusion.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.features.feature import Feature
from models.features.settings import PatternSettings

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Caution:
    """A fact that stands before the score: faults of plate, clock or coverage.

    Args:
        fact: Name of the fact.
        limit: From which value on it is said.
        sentence: Template of the sentence.
        below: Said under the limit instead.
    """

    fact: str
    limit: float
    sentence: str
    below: bool = False

    def applies(self, facts: Facts) -> bool:
        """Whether the fact is known and past the limit."""
        value = facts.get(self.fact)
        if value is None:
            return False
        return bool(value < self.limit if self.below else value >= self.limit)


@dataclass(frozen=True)
class Term:
    """A word of the sentences, and what it means: a template with the names of settings."""

    word: str
    meaning: str


@dataclass(frozen=True)
class Explanation:
    """What is said about one row, in this order.

    Args:
        cautions: Faults of plate, clock or coverage; shown before the score.
        reasons: Facts that raised the score, the strongest first.
        against: Facts that lowered it, the strongest first.
    """

    cautions: tuple[str, ...]
    reasons: tuple[str, ...]
    against: tuple[str, ...]


class _Wording(string.Formatter):
    """How facts are written.

    `{name:%}` gives whole percent, but never all or nothing for what is not quite; `{name:trip|trips}` the number with
    its noun; `{name:whole}` the number rounded down; `{name:clock}` a full hour; `{name:span}` minutes and
    `{name:hours}` hours as minutes, hours or days; `{name:full_hours}` hours that were rounded down;
    `{name:before}` and `{name:after}` how many days off, or "on" for none; `{name:km}` km that were rounded up, never
    0; broken numbers get three digits.
    """

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "%":
            return _percent(value)
        if format_spec == "whole":
            return str(math.floor(value))
        if format_spec == "clock":
            return f"{value:02d}:00"
        if format_spec == "km":
            return f"{max(1, value)} km"
        if format_spec == "span":
            return _span(value)
        if format_spec == "hours":
            return _span(float(round(value * 60)))
        if format_spec == "full_hours":
            return _full_hours(math.floor(value))
        if format_spec in {"before", "after"}:
            return f"{value:.0f} {'day' if value == 1 else 'days'} {format_spec}" if value else "on"
        number = _plain(value) if isinstance(value, float) else str(value)
        if "|" in format_spec:
            one, many = format_spec.split("|")
            return f"{number} {one if value == 1 else many}"
        return number


def _percent(share: float) -> str:
    if 0.995 <= share < 1:
        return "over 99 %"
    return "under 1 %" if 0 < share <= 0.005 else f"{share * 100:.0f} %"


def _span(minutes: float) -> str:
    if minutes < 60:
        return f"{_plain(float(minutes))} min"
    hours, rest = divmod(math.floor(minutes), 60)
    return f"{hours} h {rest:02} min" if hours < 48 else _full_hours(hours)


def _full_hours(hours: int) -> str:
    if not hours:
        return "under 1 h"
    return f"{hours} h" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _plain(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value.is_integer() else f"{value:.3g}"


_WORDING = _Wording()


def facts_of(row: Mapping[str, Any], settings: PatternSettings) -> dict[str, Any]:
    """The facts that sentences may use: the settings, and the values of the row that are known."""
    known = {name: value for name, value in row.items() if value is not None and not _is_nan(value)}
    return {**settings.model_dump(), **known}


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def sentence(feature: Feature, facts: Facts) -> str | None:
    """The sentence of a feature, or None when it has none, its facts are not known, or there is nothing to say."""
    if any(facts.get(name, least) < least for name, least in feature.says_from):
        return None
    parts = [_WORDING.vformat(part, (), facts) for part in feature.sentence if _needs(part) <= facts.keys()]
    if not parts or not _needs(feature.sentence[0]) <= facts.keys():
        return None
    return "; ".join(parts)


def worded(template: str, facts: Facts) -> str | None:
    """A template with its facts in it, or None when one of them is not known."""
    return _WORDING.vformat(template, (), facts) if _needs(template) <= facts.keys() else None


def _needs(template: str) -> set[str]:
    return {name for _, name, _, _ in _WORDING.parse(template) if name}


def tell(
    features: Sequence[Feature],
    cautions: Sequence[Caution],
    facts: Facts,
    contributions: Mapping[str, float],
    k: int,
) -> Explanation:
    """Sentences for one row.

    Args:
        features: The declared features.
        cautions: The declared cautions.
        facts: See `facts_of`.
        contributions: Feature name to its share in the score.
        k: How many reasons, and how many against, at most.
    """
    said = tuple(_WORDING.vformat(one.sentence, (), facts) for one in cautions if one.applies(facts))
    return Explanation(
        cautions=said,
        reasons=_strongest(features, facts, contributions, k, lambda value: value),
        against=_strongest(features, facts, contributions, k, lambda value: -value),
    )


def _strongest(
    features: Sequence[Feature],
    facts: Facts,
    contributions: Mapping[str, float],
    k: int,
    push: Callable[[float], float],
) -> tuple[str, ...]:
    weighed = [(push(contributions.get(feature.name, 0.0)), feature) for feature in features]
    weighed.sort(key=lambda pair: (-pair[0], pair[1].name))
    told = (sentence(feature, facts) for weight, feature in weighed if weight > 0)
    return tuple(dict.fromkeys(text for text in told if text))[:k]
