"""What changed from one version of a contract to another, whom each change breaks, and the version step that it needs.

A change breaks suppliers when something that they deliver may now be refused, and consumers when something that every
accepted row was promised to be is promised no more. What breaks anybody is breaking; what is not understood is taken as
breaking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from data_contracts.contract.change import BOTH, Change, Kind, Party, other_keys
from data_contracts.contract.column_difference import column_changes
from data_contracts.contract.document import Contract, version_numbers
from data_contracts.contract.rule_difference import rule_changes

Step = Literal["none", "patch", "minor", "major"]
STEPS: tuple[Step, ...] = ("none", "patch", "minor", "major")
STEP_NEEDED: Mapping[Kind, Step] = {"editorial": "patch", "compatible": "minor", "breaking": "major"}


@dataclass(frozen=True)
class ContractDifference:
    """All changes between two versions, the breaking ones first, and what the version makes of them."""

    before: str
    after: str
    changes: tuple[Change, ...]

    @property
    def needed(self) -> Step:
        """The least version step that says what changed."""
        return max((STEP_NEEDED[change.kind] for change in self.changes), key=STEPS.index, default="none")

    @property
    def taken(self) -> Step | Literal["back"]:
        """The version step that the documents take; `back` if the second is the older version."""
        old, new = version_numbers(self.before), version_numbers(self.after)
        if new < old:
            return "back"
        first = next((place for place in range(3) if old[place] != new[place]), 3)
        return ("major", "minor", "patch", "none")[first]

    @property
    def least_version(self) -> str:
        """The lowest version that the second document may have."""
        major, minor, patch = version_numbers(self.before)
        steps = {
            "major": (major + 1, 0, 0),
            "minor": (major, minor + 1, 0),
            "patch": (major, minor, patch + 1),
            "none": (major, minor, patch),
        }
        return ".".join(map(str, steps[self.needed]))

    @property
    def is_enough(self) -> bool:
        """Whether the version says at least what the changes need."""
        return self.taken != "back" and STEPS.index(self.taken) >= STEPS.index(self.needed)


def compare_contracts(a: Contract, b: Contract) -> ContractDifference:
    """Every change from `a` to `b`. Order, layout and comments of the documents do not count."""
    changes = [
        *_about_document(a.document, b.document),
        *_about_promises(a.document, b.document),
        *_about_tables(a, b),
        *column_changes(a, b),
        *rule_changes(a, b),
    ]
    changes.sort(key=lambda change: -STEPS.index(STEP_NEEDED[change.kind]))
    return ContractDifference(a.version, b.version, tuple(changes))


def _about_document(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Change]:
    handled = {"version", "schema", "slaProperties", "status", "id"}
    if a["id"] != b["id"]:
        yield Change("document", f"id: {a['id']} -> {b['id']}", BOTH, "this is another contract")
    if a.get("status") != b.get("status"):
        gone: tuple[Party, ...] = BOTH if b.get("status") == "retired" else ()
        reason = "nothing is judged by a retired contract" if gone else "what a row must be is as it was"
        yield Change("document", f"status: {a.get('status')} -> {b.get('status')}", gone, reason)
    yield from other_keys("document", a, b, handled)


def _about_promises(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Change]:
    old, new = (
        {(sla["property"], sla.get("element", "")): sla for sla in document.get("slaProperties") or ()}
        for document in (a, b)
    )
    for key in sorted({*old, *new}):
        place = f"service level {' of '.join(part for part in key if part)}"
        if key not in new:
            yield Change(place, "removed", ("consumers",), "consumers: what was promised is promised no more")
        elif key not in old:
            yield Change(place, f"added: {new[key]['value']}", (), "a promise more breaks nobody")
        else:
            yield from other_keys(place, old[key], new[key], {"property", "element"})


def _about_tables(a: Contract, b: Contract) -> Iterator[Change]:
    old, new = ({table["name"]: table for table in contract.document.get("schema") or ()} for contract in (a, b))
    for name in sorted({*old, *new}):
        place = f"table {name}"
        if name not in new:
            yield Change(place, "removed", ("consumers",), "consumers who read it find nothing")
        elif name not in old:
            yield Change(place, "added", (), "nobody was promised that it is not there")
        else:
            yield from other_keys(place, old[name], new[name], {"properties", "quality", "name"})
