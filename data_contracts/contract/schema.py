"""A contract document held against the JSON schema of the Open Data Contract Standard: every fault with what to do.

The pydantic model of the standard lets unknown keys through; its JSON schema does not. Belongs here: the standard. What
this product asks beyond it is `check`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

SHOWN = 160


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a document.

    Args:
        where: The place in it, by names: `schema reads, properties confidence`.
        what: What is wrong, a sentence.
        remedy: What to do about it, a sentence.
    """

    where: str
    what: str
    remedy: str


def schema_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Every fault that the standard's JSON schema finds, in the order of the document."""
    from jsonschema import Draft201909Validator

    errors = sorted(Draft201909Validator(_schema()).iter_errors(document), key=_in_document_order)
    wrong_kind = {error.json_path for error in errors if error.validator == "type"}
    told = (
        problem
        for error in errors
        # what is not even the right kind of thing breaks every alternative as well
        if error.validator == "type" or error.json_path not in wrong_kind
        for problem in _problems(document, error)
    )
    yield from dict.fromkeys(told)


def _in_document_order(error: Any) -> list[str]:
    return [str(part) for part in error.absolute_path]


def closest(word: str, known: Sequence[str]) -> str:
    """` Did you mean …?`, if a known word is like this one."""
    found = get_close_matches(word, known, n=1)
    return f" Did you mean {found[0]}?" if found else ""


def listed_twice(what: str, names: list[str]) -> Iterator[Problem]:
    """A problem for each name that stands more than once."""
    for name, times in Counter(names).items():
        if times > 1 and name:
            yield Problem(f"{what} {name}", f"It stands {times} times.", "Give each a name of its own.")


@cache
def _schema() -> dict[str, Any]:
    text = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def _problems(document: Mapping[str, Any], error: Any) -> Iterator[Problem]:
    where = _place(document, list(error.absolute_path))
    if error.validator in ("additionalProperties", "unevaluatedProperties"):
        known = sorted(_known_keys(error.schema))
        for key in error.instance:
            if key not in known:
                remedy = f"Remove it, or write it as the standard does.{closest(key, known)}"
                yield Problem(where, f"The standard has no key {key} here.", remedy)
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield Problem(where, f"The key {key} is missing.", f"Add {key}.")
    elif error.validator == "enum":
        words = ", ".join(map(str, error.validator_value))
        yield Problem(
            where, f"{_shown(error.instance)} is not one of the words of the standard.", f"Write one of {words}."
        )
    elif error.validator == "type":
        kinds = error.validator_value if isinstance(error.validator_value, str) else " or ".join(error.validator_value)
        yield Problem(where, f"{_shown(error.instance)} is no {kinds}.", _type_remedy(kinds, error.instance))
    else:
        yield Problem(where, f"{error.message[:SHOWN]}.", "Write it as the standard has it (ODCS 3).")


def _type_remedy(kinds: str, value: object) -> str:
    if kinds == "string" and not isinstance(value, list | dict):
        return f'Put it in quotation marks: "{value}".'
    return f"Write a value of type {kinds}."


def _place(document: Any, path: list[str | int]) -> str:
    """The path with the names of list items instead of their numbers."""
    said: list[str] = []
    here = document
    for step in path:
        here = here[step]
        named = here.get("name") or here.get("property") if isinstance(here, dict) else None
        if isinstance(step, int):
            said[-1] += f" {named or step + 1}"
        else:
            said.append(step)
    return ", ".join(said) or "document"


def _known_keys(schema: Any) -> set[str]:
    """Every key that a schema knows at one level; the validator itself forgets those of parts that failed."""
    if not isinstance(schema, dict):
        return set()
    keys = set(schema.get("properties", {}))
    if "$ref" in schema:
        keys |= _known_keys(_schema()["$defs"][schema["$ref"].rpartition("/")[2]])
    for word in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(word, ()):
            keys |= _known_keys(part)
    for word in ("then", "else"):
        keys |= _known_keys(schema.get(word))
    return keys


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
