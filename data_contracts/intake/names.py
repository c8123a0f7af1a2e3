"""What may be told of a file by its name: suppliers put plates in file names, and names go into errors and records.

Belongs here: names in messages and manifests. Does not: what a plate is (plates).
"""

from __future__ import annotations

import re
from pathlib import Path

from data_contracts.plates.grammar import FORMATS, reads_as_plate

NAME_WITHHELD = "(name withheld)"
# formats long enough to be looked for inside a longer run of letters and digits, as in xAB12CDE
_INSIDE = re.compile(
    "|".join("".join(groups) for name in ("current", "prefix", "suffix", "qplate") for groups in FORMATS[name]).replace(
        "[1-9][0-9]{0,2}", "[1-9][0-9]{2}"
    )
)


def name_as_delivered(path: Path) -> str:
    """The file's name in letters that can be shown, unless a number plate could be read in it, also inside a word."""
    return _unless_plate(path.name)


def path_as_given(path: Path) -> str:
    """The path, without the names in it in which a number plate could be read."""
    return str(Path(*map(_unless_plate, path.parts)))


def _unless_plate(name: str) -> str:
    shown = "".join(letter for letter in name if letter.isprintable())
    # what cannot be shown may stand between the two halves of a plate
    if any(reads_as_plate(text) or _INSIDE.search(text.upper()) for text in {name, shown}):
        return NAME_WITHHELD
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in name)


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape", errors="surrogatepass").decode("ascii")
