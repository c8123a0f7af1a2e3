"""Rules that a contract may not do without, because the code behind it takes what they promise for granted.

Each room that works with accepted rows says which, beside that code (`NEVER_ACCEPTED`). Belongs here: what such a
promise is, and whether rules keep it. Does not: any promise of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data_contracts.contract.document import Rule
from data_contracts.contract.schema import Problem
from data_contracts.contract.words import value_said

IN_SET, NOT_IN_SET = "expect_column_values_to_be_in_set", "expect_column_values_to_not_be_in_set"
BETWEEN = "expect_column_values_to_be_between"


@dataclass(frozen=True)
class NeverAccepted:
    """What no accepted row may be.

    Args:
        rule: The rule of the packaged contract that sets such rows apart; another may do so in its place.
        column: The derived column that says so.
        flag: The word in it that marks such a row; else the row is over `most`.
        most: The largest number that a row may have: a number, or a limit as contracts write it.
    """

    rule: str
    column: str
    flag: str | None = None
    most: str | int | None = None

    def is_kept_by(self, rule: Rule) -> bool:
        """Whether a rule sets every such row apart: it does not only warn, has no exceptions, and asks for this."""
        kwargs = dict(rule.kwargs)
        if rule.severity == "warn" or kwargs.pop("mostly", 1) != 1 or kwargs.pop("column", None) != self.column:
            return False
        if self.flag is not None:
            values = kwargs.pop("value_set", None)
            if not isinstance(values, list) or kwargs:
                return False
            return rule.expectation == (NOT_IN_SET if self.flag in values else IN_SET)
        kwargs.pop("min_value", None)
        return rule.expectation == BETWEEN and kwargs == {"max_value": self.most}


def flagged(column: str, **rules: str) -> tuple[NeverAccepted, ...]:
    """What a column of faults marks: the name of each rule, and the word that it looks for."""
    return tuple(NeverAccepted(rule, column, flag=flag) for rule, flag in rules.items())


def unkept(rules: Sequence[Rule], table: str, needed: Sequence[NeverAccepted]) -> Iterator[Problem]:
    """A problem for each promise that no rule about the table keeps.

    Args:
        rules: As they are written, limits not put in.
        table: The one whose rows are accepted.
        needed: What its rows may never be.
    """
    for one in needed:
        if not any(rule.table == table and one.is_kept_by(rule) for rule in rules):
            asked = (
                f"{one.column} is not {one.flag}"
                if one.flag is not None
                else f"{one.column} is at most {value_said(one.most)}"
            )
            yield Problem(
                f"rule {one.rule}",
                f"What is done with accepted rows of {table} needs a rule that {asked}, for every row.",
                "Keep it as it is in force: severity reject or fail, without mostly or row_condition.",
            )
