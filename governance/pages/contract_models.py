"""What the page of a contract is given: the contract in words, for people who decide about it."""

from __future__ import annotations

from governance.pages.models import Page


class LimitRow(Page):
    """One limit that a rule names, and its value."""

    name: str
    value: str
    meaning: str


class RuleRow(Page):
    """One rule: what holds when it is kept, and what it looks at.

    A rule that asks a flag is one about a column worked out for it alone; then the meaning has said it all.
    """

    name: str
    dq_number: str
    severity: str
    table: str
    meaning: str
    asks: str
    asks_a_flag: bool = False
    limits: tuple[LimitRow, ...] = ()


class FieldRow(Page):
    """One column of a table."""

    table: str
    name: str
    type: str
    required: bool
    restricted: bool
    meaning: str


class TableRow(Page):
    """One table: what one row of it is."""

    name: str
    one_row: str
    meaning: str


class PromiseRow(Page):
    """One service level."""

    name: str
    value: str
    meaning: str


class ContractPage(Page):
    """One version of a contract. `limits_from` says whose limits the values are."""

    name: str
    version: str
    title: str
    status: str
    versions: tuple[str, ...]
    purpose: str
    usage: str
    limitations: str
    text_sha256: str
    limits_from: str
    delivered: tuple[FieldRow, ...]
    derived: tuple[FieldRow, ...]
    tables: tuple[TableRow, ...]
    promises: tuple[PromiseRow, ...]
    rules: tuple[RuleRow, ...]

    def rules_of(self, severity: str) -> tuple[RuleRow, ...]:
        """The rules of one severity."""
        return tuple(rule for rule in self.rules if rule.severity == severity)


# what breaking a rule does, by severity, in the order of weight
EFFECTS = {
    "fail": "the whole file is refused",
    "reject": "the row goes to quarantine, with every rule that it broke",
    "warn": "the row is taken, and the file's record counts it",
}
