"""Contracts as text of at most a hundred columns, for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from governance.pages.contract_models import EFFECTS, ContractPage, FieldRow, RuleRow
from infra.wording import counted

if TYPE_CHECKING:
    from data_contracts.contract.change import Change
    from data_contracts.contract.diff import ContractDifference
    from data_contracts.contract.document import Contract
    from data_contracts.contract.schema import Problem

WIDTH = 100
KINDS = {
    "breaking": "breaking: somebody who relied on the version before is let down",
    "compatible": "compatible: nobody is let down",
    "editorial": "editorial: words for people",
}


def contract_lines(page: ContractPage) -> Iterator[str]:
    """A contract from its purpose to its last rule."""
    yield f"{page.name} {page.version}: {page.title} ({page.status}; kept: {', '.join(page.versions)})"
    for title, text in (
        ("for", page.purpose),
        ("use", page.usage),
        ("blind to", page.limitations),
        ("limits", page.limits_from),
    ):
        if text:
            yield from _entry(title, text, 2, 12)
    yield ""
    yield "What a supplier delivers"
    for field in page.delivered:
        yield from _field(field)
    for severity, effect in EFFECTS.items():
        rules = page.rules_of(severity)
        if rules:
            yield ""
            yield f"Rules that {severity} ({len(rules)}): when broken, {effect}"
            for rule in rules:
                yield from _rule(rule)
    yield ""
    yield "What the rules look at"
    for table in page.tables:
        yield from _entry(table.name, table.meaning, 2, 18)
    if page.promises:
        yield ""
        yield "Promises"
        for promise in page.promises:
            yield from _wrapped(f"{promise.name}: {promise.value}. {promise.meaning}", 2)


def difference_lines(a: Contract, b: Contract, difference: ContractDifference) -> Iterator[str]:
    """All changes by what they are, and the version step."""
    yield f"{a.name} {a.version} -> {b.version}"
    for kind, title in KINDS.items():
        changes = [change for change in difference.changes if change.kind == kind]
        if changes:
            yield ""
            yield f"{title} ({len(changes)})"
        if kind != "breaking":
            yield from _together(changes, b)
            continue
        for change in changes:
            yield from _wrapped(f"{change.place}: {change.what}", 2)
            yield from _wrapped(change.reason, 6)
    if not difference.changes:
        same = a.text_digest == b.text_digest
        yield "  no change" if same else "  no change: the texts differ in comments, layout or order alone"
    yield ""
    if difference.taken == "back":
        yield f"no version step: {b.label} is older than {a.label}; what is said here is the way back"
        return
    verdict = "enough" if difference.is_enough else f"too small: version {difference.least_version} or later is needed"
    yield f"version step needed: {difference.needed}; taken: {difference.taken}; {verdict}"


def _together(changes: Sequence[Change], b: Contract) -> Iterator[str]:
    """Changes that let nobody down: a line for each new table, the others alike with each other on one."""
    new = {change.place.removeprefix("table ") for change in changes if change.what == "added"} & {
        table["name"] for table in b.document.get("schema") or ()
    }
    for table in sorted(new):
        fields = sum(change.place.startswith(f"field {table}.") for change in changes)
        rules = sum(rule.table == table for rule in b.written_rules)
        yield from _wrapped(f"table {table}: added, with {counted(fields, 'field')} and {counted(rules, 'rule')}", 2)
    alike: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for change in changes:
        what, _, name = change.place.partition(" ")
        if not (what in ("table", "field") and name.partition(".")[0] in new):
            alike[what, change.what, "" if change.is_text else change.reason].append(name)
    for (what, said, reason), names in alike.items():
        place = f"{what} {names[0]}".strip() if len(names) == 1 else f"{counted(len(names), what)}"
        listed = "" if len(names) == 1 else f" ({', '.join(names)})"
        yield from _wrapped(f"{place}: {said}{listed}", 2)
        if reason:
            yield from _wrapped(reason, 6)


def problem_lines(problems: Iterable[Problem]) -> Iterator[str]:
    """Each problem with its remedy; one that several places have, as through a YAML anchor, once with all of them."""
    places: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        places.setdefault((problem.what, problem.remedy), []).append(problem.where)
    for (what, remedy), where in places.items():
        yield from _wrapped(f"{where[0]}: {what}" if len(where) == 1 else what, 2)
        yield from _wrapped(remedy, 6)
        if len(where) > 1:
            yield from _wrapped(f"In {len(where)} places: {'; '.join(where)}.", 6)


def _field(field: FieldRow) -> Iterator[str]:
    needed = "required" if field.required else "optional"
    marks = ", restricted" if field.restricted else ""
    yield f"  {field.name:<22}{field.type}, {needed}{marks}"
    yield from _wrapped(field.meaning, 6)


def _rule(rule: RuleRow) -> Iterator[str]:
    yield f"  {rule.name:<34}{rule.dq_number:<6}on {rule.table}".rstrip()
    yield from _wrapped(rule.meaning, 6)
    if not rule.asks_a_flag:
        yield from _entry("asks", rule.asks, 6, 8)
    for limit in rule.limits:
        yield from _entry("limit", f"{limit.name}: {limit.value}; {limit.meaning}", 6, 8)


def _entry(title: str, text: str, indent: int, width: int) -> Iterator[str]:
    first, *more = wrap(text, WIDTH - indent - width) or [""]
    yield f"{' ' * indent}{title:<{width - 1}} {first}".rstrip()
    yield from (f"{' ' * (indent + width)}{rest}" for rest in more)


def _wrapped(text: str, indent: int) -> Iterator[str]:
    for number, part in enumerate(wrap(text, WIDTH - indent - 4)):
        yield f"{' ' * (indent + (4 if number and indent == 2 else 0))}{part}"
