"""One change between two versions of a contract, and how anything is judged that no other module understands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from data_contracts.contract.argument_difference import same_value

Party = Literal["suppliers", "consumers"]
Kind = Literal["breaking", "compatible", "editorial"]
BOTH: tuple[Party, ...] = ("suppliers", "consumers")
_FOR_PEOPLE = "only words for people"
UNREAD = "nothing says whom it leaves alone, so it is taken as breaking"
_TEXT = frozenset(
    {
        "name", "domain", "dataProduct", "tenant", "tags", "description", "support", "team", "authoritativeDefinitions",
        "contractCreatedTs", "apiVersion", "context", "businessName", "synonyms", "examples", "dimension", "id",
        "businessImpact", "dataGranularityDescription", "transformDescription",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One change.

    Args:
        place: What it is about, such as `field reads.confidence` or `rule captured_after_receipt`.
        what: The change in words.
        breaks: Whom it breaks.
        reason: Why it breaks them, or why it breaks nobody.
        is_text: Only words for people changed.
    """

    place: str
    what: str
    breaks: tuple[Party, ...]
    reason: str
    is_text: bool = False

    @property
    def kind(self) -> Kind:
        """Breaking, compatible or editorial."""
        return "breaking" if self.breaks else "editorial" if self.is_text else "compatible"


def other_keys(
    place: str, old: Mapping[str, Any], new: Mapping[str, Any], handled: Collection[str]
) -> Iterator[Change]:
    """Whatever else stands in the documents: words are editorial, anything else is taken as breaking."""
    for key in sorted({*old, *new}.difference(handled)):
        before, after = old.get(key), new.get(key)
        if same_value(before, after):
            continue
        if key not in _TEXT:
            yield Change(place, f"{key}: {before} -> {after}", BOTH, UNREAD)
        elif isinstance(before, Mapping) and isinstance(after, Mapping):
            parts = [part for part in sorted({*before, *after}) if not same_value(before.get(part), after.get(part))]
            yield Change(place, f"{key} reworded: {', '.join(parts)}", (), _FOR_PEOPLE, is_text=True)
        else:
            how = "reworded" if isinstance(before or after, str) else "changed"
            yield Change(place, f"{key} {how}", (), _FOR_PEOPLE, is_text=True)
