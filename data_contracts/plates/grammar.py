"""The grammar of UK number plates: clean a text, normalise it by format position, name its format.

Belongs here: what a VRM is, as a function of its text and the date on which it was read. Does not: whether a read is
accepted (contracts) or whether two VRMs are one vehicle. The same rules in DuckDB SQL are made from these tables by
`macros`. Where published validators disagree, docs/decisions/0003 says what was decided and why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

MAX_LENGTH = 12
SEPARATORS = " \t\r\n\f\v-."
UNKNOWN = "unknown"
# every age identifier from 02 to 99 has been issued by then
AFTER_ALL_AGE_IDENTIFIERS = date(2050, 9, 1)

_AREA = "[A-HJ-PR-Y]"
_YEAR = "[A-HJ-NPR-TV-Y]"
_LETTER = "[A-PR-Z]"
_AGE = "(?:0[2-9]|[1-9][0-9])"
_NI_TWO = f"(?:[IZ]{_AREA}|{_AREA}[IZ])"
_NI_THREE = f"(?:[IZ](?:{_AREA}{_LETTER}|{_LETTER}{_AREA})|{_AREA}(?:[IZ]{_LETTER}|{_LETTER}[IZ]))"
_NI = f"(?:{_NI_TWO}|{_NI_THREE})"


def _number(most: int, least: int = 1) -> str:
    return f"[1-9][0-9]{{{least - 1},{most - 1}}}"


# format: its alternatives, each a row of groups of characters; the first format that matches is taken
FORMATS: dict[str, tuple[tuple[str, ...], ...]] = {
    "current": ((_AREA + "{2}", _AGE, "[A-HJ-PR-Z]{3}"),),
    "prefix": ((_YEAR, _number(3), _AREA + "{3}"),),
    "suffix": ((_AREA + "{3}", _number(3), _YEAR),),
    "qplate": (("Q", _number(3), _AREA + "{3}"),),
    "diplomatic": (("[0-9]{3}", "D", "[0-9]{3}"), ("[0-9]{3}", "X", "[4-9][0-9]{2}")),
    "military": (("[0-9]{2}", "[A-HJ-PR-Z]{2}", "[0-9]{2}"), ("[A-HJ-PR-Z]{2}", "[0-9]{2}", "[A-HJ-PR-Z]{2}")),
    "dateless": (
        (_AREA + "{1,2}", _number(4)),
        (_AREA + "{3}", _number(3)),
        ("MAN", _number(4)),
        (_number(4), _AREA + "{1,3}"),
    ),
    "ni": ((_NI, _number(4)), (_number(4), _NI)),
    "trade": (("[0-9]{5}",),),
}

# which positions hold letters (L) and digits (D), for every format and length
LAYOUTS: tuple[str, ...] = (
    "LLDDLLL",
    *("L" + "D" * digits + "LLL" for digits in (1, 2, 3)),
    *("LLL" + "D" * digits + "L" for digits in (1, 2, 3)),
    "DDDLDDD",
    "DDLLDD",
    "LLDDLL",
    *("L" * letters + "D" * digits for letters in (1, 2, 3) for digits in (1, 2, 3, 4)),
    *("D" * digits + "L" * letters for letters in (1, 2, 3) for digits in (1, 2, 3, 4)),
    "DDDDD",
)

# pairs that readers of the mandatory font take for one another (sources: docs/decisions/0003)
_PAIRS = "O0 OD D0 OQ Q0 DQ I1 B8 S5 Z2 G6 CG 39 68 89 VY MN UV EF 7T 4A PR KX"
CONFUSIONS: frozenset[frozenset[str]] = frozenset(map(frozenset, _PAIRS.split(" ")))

# what tells of a plate inside a name: the formats above with five characters and more, letters and digits
_TELLING: tuple[tuple[str, ...], ...] = (
    *(groups for name, rows in FORMATS.items() if name not in ("dateless", "ni", "trade") for groups in rows),
    *((_AREA + f"{{{letters}}}", _number(4, 5 - letters)) for letters in (1, 2)),
    (_AREA + "{3}", _number(3, 2)),
    ("MAN", _number(4)),
    *((_number(4, 5 - letters), _AREA + f"{{{letters}}}") for letters in (1, 2, 3)),
    *((letters, _number(4, least)) for letters, least in ((_NI_TWO, 3), (_NI_THREE, 2))),
    *((_number(4, least), letters) for letters, least in ((_NI_TWO, 3), (_NI_THREE, 2))),
)


def format_pattern(name: str) -> str:
    """The regular expression of a format, without anchors, in the syntax that Python and RE2 share."""
    return "(?:" + "|".join("".join(groups) for groups in FORMATS[name]) + ")"


ANY_FORMAT = "|".join(format_pattern(name) for name in FORMATS)
PLATE_RUN = r"\b(?:" + "|".join("[ .-]{0,3}".join(groups) for groups in _TELLING) + r")\b"
SHORTEST_TELLING = 5
NOT_IN_A_PLATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}|_"
FILE_SUFFIX = r"(\.(CSV|GZ|PARQUET|TXT|TSV|DAT|JSON|XML|ZIP|AGE))+$"

_CLEANED = re.compile(rf"[A-Z0-9]{{1,{MAX_LENGTH}}}")
_FORMATS = {name: re.compile(format_pattern(name)) for name in FORMATS}
_NOT_IN_A_PLATE = re.compile(NOT_IN_A_PLATE)
_FILE_SUFFIX = re.compile(FILE_SUFFIX.replace("$", r"\Z"))
_PLATE_RUN = re.compile(PLATE_RUN, re.ASCII)
_DIGIT = re.compile("[0-9]")
_NO_SEPARATORS = str.maketrans("", "", SEPARATORS)
_TO_LETTERS = str.maketrans("01", "OI")
_TO_DIGITS = str.maketrans("OI", "01")


@dataclass(frozen=True)
class Plate:
    """What a text says as a plate.

    Args:
        vrm: The normalised VRM, or `None` if the text cannot be a plate at all.
        plate_format: One of `FORMATS`, or `unknown` (foreign, misread, or not issued by the date).
        repaired: Normalising by position changed characters.
    """

    vrm: str | None
    plate_format: str
    repaired: bool


def clean(text: str) -> str | None:
    """The text in capitals without spaces, hyphens and full stops; `None` if anything but A-Z and 0-9 is left."""
    if not text.isascii():
        return None
    cleaned = text.upper().translate(_NO_SEPARATORS)
    return cleaned if _CLEANED.fullmatch(cleaned) else None


def age_identifier_valid(vrm: str, on: date) -> bool | None:
    """Whether the age identifier had been issued by a date; `None` for a VRM of another shape than the current one.

    02 to 50 are issued from 1 March of that year, 51 to 99 from 1 September of the year that is 50 less.
    """
    if not _FORMATS["current"].fullmatch(vrm):
        return None
    identifier = int(vrm[2:4])
    issued = date(2000 + identifier, 3, 1) if identifier <= 50 else date(1950 + identifier, 9, 1)
    return on >= issued


def plate_format(vrm: str | None, on: date) -> str:
    """The format of a cleaned VRM as it stands, nothing repaired; `unknown` if it has none, or none by that date."""
    if vrm is None or age_identifier_valid(vrm, on) is False:
        return UNKNOWN
    return next((name for name, pattern in _FORMATS.items() if pattern.fullmatch(vrm)), UNKNOWN)


def normalise(text: str, on: date) -> Plate:
    """Clean a text and put O/0 and I/1 right by their position in the format; nothing else is ever changed.

    A VRM that has a format as it stands is kept. Otherwise it is repaired if exactly one VRM with a format can be had
    by reading O as 0, 0 as O, I as 1 or 1 as I; if there is none, or more than one, it is kept, of unknown format.

    Args:
        text: The VRM as read.
        on: Date of the read, which decides which age identifiers exist.
    """
    cleaned = clean(text)
    if cleaned is None:
        return Plate(None, UNKNOWN, repaired=False)
    found = plate_format(cleaned, on)
    if found == UNKNOWN:
        candidates = _candidates(cleaned, on)
        if len(candidates) == 1:
            (vrm,) = candidates
            return Plate(vrm, plate_format(vrm, on), repaired=True)
    return Plate(cleaned, found, repaired=False)


def _candidates(cleaned: str, on: date) -> set[str]:
    read = (_in_layout(cleaned, layout) for layout in LAYOUTS if len(layout) == len(cleaned))
    return {vrm for vrm in read if plate_format(vrm, on) != UNKNOWN}


def _in_layout(cleaned: str, layout: str) -> str:
    letters, digits = cleaned.translate(_TO_LETTERS), cleaned.translate(_TO_DIGITS)
    return "".join(letters[place] if kind == "L" else digits[place] for place, kind in enumerate(layout))


def confusable(first: str, second: str) -> bool:
    """Whether two VRMs differ in one place only, by characters that readers take for one another."""
    if len(first) != len(second):
        return False
    differing = [frozenset(pair) for pair in zip(first, second, strict=True) if pair[0] != pair[1]]
    return len(differing) == 1 and differing[0] in CONFUSIONS


def reads_as_plate(text: str) -> bool:
    """Whether a name or id could be read as a UK plate, or holds a run that could: then it is withheld.

    Either the whole text normalises to a format of any date, or a run between other characters has one, with or without
    separators between its groups. Only plates of five and more characters with letters and digits count; dates in ISO
    form and file suffixes are passed over. A text without a digit is a word, though I read as 1 would make it a plate.
    """
    name = _NOT_IN_A_PLATE.sub("|", _FILE_SUFFIX.sub("", _ascii_upper(text)))
    if _DIGIT.search(name) is None:
        return False
    whole = normalise(name, AFTER_ALL_AGE_IDENTIFIERS)
    if whole.plate_format not in (UNKNOWN, "trade") and whole.vrm and len(whole.vrm) >= SHORTEST_TELLING:
        return True
    return _PLATE_RUN.search(name) is not None


def _ascii_upper(text: str) -> str:
    return "".join(character.upper() if character.isascii() else "|" for character in text)
