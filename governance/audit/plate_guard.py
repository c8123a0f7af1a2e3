"""Keeps number plates out of the audit log, which must never hold a raw VRM.

Two strictnesses. What names an object is refused if the whole of it reads as any UK plate. Free text is refused only
where a word has one of the unmistakable formats, because old dateless forms look like ordinary words with a number
(room 12). Not the plate grammar of the contracts: this lets ordinary words pass, and looks inside sentences.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

from infra.errors import WrongInputError

_GAP = "[ \u2010-\u2015-]?"  # hyphens and dashes as word processors write them
_CURRENT = rf"[A-HJ-PR-Y]{{2}}(?:0[1-9]|[1-9][0-9]){_GAP}[A-HJ-PR-Z]{{3}}"
# Without the gap: "was 30s" and "A6 via" are words of a sentence.
_PREFIX = r"[A-HJ-NPQR-TV-Y][0-9]{1,3}[A-HJ-PR-Y]{3}"
_SUFFIX = r"[A-HJ-PR-Y]{3}[0-9]{1,3}[A-HJ-NPR-TV-Y]"
_NORTHERN_IRELAND = r"(?!ISO)(?=[A-Z]?[A-Z]?[IZ])[A-Z]{2,3}[0-9]{3,4}"
_UNMISTAKABLE = re.compile(
    rf"(?<![^\W_])(?:{_CURRENT}|{_PREFIX}|{_SUFFIX}|{_NORTHERN_IRELAND})(?![^\W_])", re.IGNORECASE
)

_ANY_UK_PLATE = (
    r"[A-Z]{2}[0-9]{2}[A-Z]{3}",
    r"[A-Z][0-9]{1,3}[A-Z]{3}",
    r"[A-Z]{3}[0-9]{1,3}[A-Z]",
    r"[A-Z]{1,3}[0-9]{1,4}",
    r"[0-9]{1,4}[A-Z]{1,3}",
    r"[0-9]{3}[DX][0-9]{3}",
    r"[0-9]{2}[A-Z]{2}[0-9]{2}",
)
_WHOLE = re.compile("|".join(_ANY_UK_PLATE), re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_TELLING_KEYS = frozenset({"vrm", "vrms", "plate", "plates", "registration", "number_plate"})


def refuse_plate_name(what: str, value: str) -> None:
    """Refuse a value that as a whole reads as a plate of any UK format.

    Raises:
        WrongInputError: It does. The message does not repeat it.
    """
    if _WHOLE.fullmatch(_SPACES.sub("", _as_read(value))):
        raise _refusal(what)


def refuse_plate_text(what: str, value: object) -> None:
    """Refuse text, or anything with text inside it, that holds a word of an unmistakable plate format.

    Raises:
        WrongInputError: It does. The message does not repeat it.
    """
    for text in _texts(value):
        if _UNMISTAKABLE.search(_as_read(text)):
            raise _refusal(what)


def withhold_plates(text: str) -> str:
    """Text with every word of an unmistakable plate format taken out: what must be recorded can then always be."""
    read = _as_read(text)
    return _UNMISTAKABLE.sub("(withheld)", read) if _UNMISTAKABLE.search(read) else text


def _as_read(text: str) -> str:
    """A text as eyes read it: wide letters as plain ones, without characters that nobody sees.

    What is pasted from a web page or a spreadsheet has spaces that do not break, and soft hyphens.
    """
    plain = unicodedata.normalize("NFKC", text)
    return plain if plain.isascii() else "".join(one for one in plain if unicodedata.category(one) != "Cf")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if str(key).lower() in _TELLING_KEYS:
                raise _refusal(f"the field {key}")
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _texts(inner)


def _refusal(what: str) -> WrongInputError:
    return WrongInputError(
        f"In {what} there is what reads as a number plate, which must not get into the audit log.",
        "Leave it out, or use the vehicle's token.",
    )
