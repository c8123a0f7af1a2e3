"""What DQ01 to DQ15 stand for, from the rules of the contract themselves: there is no second list of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from governance.pages.models import LegendRow


class Tagged(Protocol):
    """A rule with its numbers."""

    @property
    def rule(self) -> str:
        """Its name."""

    @property
    def dq_number(self) -> str:
        """The numbers that it answers for, blanks between."""

    @property
    def description(self) -> str:
        """The rule in a sentence."""


def legend_of(rules: Iterable[Tagged]) -> tuple[LegendRow, ...]:
    """Each number with the rules that answer for it and what they ask, in the order of the numbers."""
    found: dict[str, dict[str, str]] = {}
    for rule in rules:
        for number in rule.dq_number.split():
            found.setdefault(number, {})[rule.rule] = " ".join(rule.description.split())
    return tuple(LegendRow(number=number, rules=rules) for number, rules in sorted(found.items()))
