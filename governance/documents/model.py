"""What a document is: sections of fields and tables. A field without a value is missing; it is never left out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["model card", "atrs record", "change-plan report", "approval sheet"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Field(_Frozen):
    """One thing that the document has to say.

    Args:
        number: Its number in a standard, if there is one.
        value: What the record says; `None` if it does not say it.
        source: Which part of the record says it, or would.
        code: Set in a fixed-width face: digests, ids.
    """

    name: str
    value: str | None
    source: str
    number: str = ""
    code: bool = False


class Table(_Frozen):
    """Rows of text under columns. `judged` names the column whose words are verdicts."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    judged: str = ""
    code: tuple[str, ...] = ()
    empty: str = "Nothing is recorded."


class Section(_Frozen):
    """A part of a document under a heading."""

    title: str
    note: str = ""
    fields: tuple[Field, ...] = ()
    tables: tuple[Table, ...] = ()


class MadeFromRecord(_Frozen):
    """A whole document."""

    kind: Kind
    model: str
    version: str
    rocu: str
    region: str
    title: str
    lede: str
    warnings: tuple[str, ...] = ()
    sections: tuple[Section, ...]

    @property
    def fields(self) -> int:
        """How many fields it has."""
        return sum(1 for _ in self._fields())

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that the record does not say, with their numbers."""
        return tuple(f"{one.number} {one.name}".strip() for one in self._fields() if one.value is None)

    def _fields(self) -> Iterator[Field]:
        for section in self.sections:
            yield from section.fields

    def to_json(self) -> str:
        """The document as JSON, with the count of what is missing; always the same for the same record."""
        values = self.model_dump(mode="json") | {"fields": self.fields, "missing": self.missing}
        return json.dumps(values, indent=1, ensure_ascii=False, sort_keys=True) + "\n"

    @property
    def sha256(self) -> str:
        """Of its JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()
