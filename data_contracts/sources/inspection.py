"""What a delivered file is, found out before anything is written: digest, compression, layout, columns.

One pass over the bytes. Every way in which a file cannot be taken at all is told here; rows that are wrong are not.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import numpy as np

from data_contracts.intake.names import name_as_delivered
from data_contracts.sources.formats import known_format
from data_contracts.sources.model import BOF2_FIELDS, BOF2_MANDATORY, Source
from data_contracts.sources.opening import Digest, open_plain, opened, size_of_file
from data_contracts.sources.undecodable import UndecodableLines
from infra.errors import WrongInputError
from infra.lake import file_sha256

BLOCK = 1 << 20
LONGEST_LINE = BLOCK  # a longer one is no row, and is never held in memory
PARQUET = b"PAR1"
LINE_MARK = "\x01"  # stands in no file that takes the quick way
BATCH_ID_LENGTH = 16
COLUMNS_NAMED = 20
_COLUMN_NAME = re.compile(r"[A-Za-z]+([ _.-][A-Za-z]+){0,2}")  # a line of reads has digits: times at least
_LONGEST_NAME = 30
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
_A_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


@dataclass(frozen=True)
class Layout:
    """How a file's rows are cut into fields.

    Args:
        kind: Text lines or Parquet.
        gzipped: The file is a gzip stream.
        quoting: Quotes mean something.
        header: The first record names the columns.
        positions: Field name to 0-based column (text), in the order of the fields asked for.
        names: Field name to column name (Parquet).
        narrowest: Fewest columns of a whole row.
        widest: Most columns of a whole row.
        plain: Every line is exactly one row, so that the quick way gives true row numbers.
    """

    kind: Literal["text", "parquet"]
    gzipped: bool
    delimiter: str
    quoting: bool
    header: bool
    positions: tuple[tuple[str, int], ...]
    names: tuple[tuple[str, str], ...]
    narrowest: int
    widest: int
    plain: bool


@dataclass(frozen=True)
class Delivery:
    """One file as delivered.

    Args:
        path: Where it is.
        sha256: The digest of its bytes, in hex.
        size_bytes: Their number.
        lines: The number of line ends, counting a last line without one (text).
        layout: How its rows are cut.
        padded: A field may have blanks around it.
    """

    path: Path
    sha256: str
    size_bytes: int
    lines: int
    layout: Layout
    padded: bool = True

    @property
    def batch_id(self) -> str:
        """The name of the batch: the start of the file's digest."""
        return self.sha256[:BATCH_ID_LENGTH]


_AS_IT_MUST_BE = "Name the columns in the first line as docs/own-data.md lists them, commas between them."
_TWO_LINE_ENDS = int.from_bytes(b"\n\n")


@dataclass(frozen=True)
class _Census:
    head: bytes
    lines: int
    quotes: bool
    irregular: bool
    padded: bool
    sha256: str
    undecodable: int


def inspect(
    path: Path,
    source: Source,
    required: Sequence[str],
    optional: Sequence[str],
    known: bool = False,
    describable: bool = True,
) -> Delivery:
    """Find out what a file is.

    Args:
        path: The file.
        source: How its supplier writes.
        required: Fields without which the file cannot be taken.
        optional: Fields that are taken when they are there.
        known: It was taken before, so that nothing is asked of the encoding of its rows.
        describable: A source file could say that it is written otherwise.

    Raises:
        WrongInputError: It is missing, empty, no file, not what the source says, damaged, for the most part no UTF-8,
            or columns are missing.
        FaultError: The system could not read it.
    """
    size = size_of_file(path)
    if size == 0:
        raise WrongInputError(f"{name_as_delivered(path)} is empty.", "Ask for it to be delivered again.")
    with opened(path) as stream:
        gzipped = stream.read(2) == b"\x1f\x8b"
    if _first_bytes(path, gzipped) == PARQUET:
        if source.format != "table":
            raise WrongInputError(
                f"{name_as_delivered(path)} is Parquet, but source {source.name} is {source.format}.", "Use its source."
            )
        layout = _parquet_layout(path, gzipped, source, required, optional, describable)
        with opened(path):
            return Delivery(path, file_sha256(path), size, 0, layout)
    census = _census(path, gzipped, source.delimiter)
    layout = _text_layout(path, gzipped, census, source, required, optional, describable)
    rows = census.lines - int(layout.header)
    if not known and census.undecodable * 2 > rows > 0:
        raise _mostly_undecodable(path, census.undecodable, rows)
    return Delivery(path, census.sha256, size, census.lines, layout, census.padded)


def _first_bytes(path: Path, gzipped: bool) -> bytes:
    with open_plain(path, gzipped) as stream:
        return stream.read(len(PARQUET))


def _census(path: Path, gzipped: bool, delimiter: str) -> _Census:
    digest = Digest()
    lines, returns, pairs, length = 0, 0, 0, 0
    undecodable = UndecodableLines()
    quotes = odd = padded = False
    head, last = b"", b"\n"
    with open_plain(path, gzipped, digest) as stream:
        while block := stream.read(BLOCK):
            if not head:
                head = block
                _require_text(path, head)
            seam = last + block[:1]
            ends, blank = _line_ends(block)
            blank = blank or seam == b"\n\n"
            lines += ends
            if b"\r" in block or last == b"\r":
                returns += block.count(b"\r")
                pairs += block.count(b"\r\n") + (seam == b"\r\n")
                blank = blank or b"\n\r" in block or seam == b"\n\r"
            quotes = quotes or b'"' in block
            odd = odd or blank or LINE_MARK.encode() in block
            padded = padded or _is_padded(block, delimiter) or _is_padded(seam, delimiter)
            length = _unended(block, length)
            undecodable.see(block)
            odd = odd or length > LONGEST_LINE
            if b"\0" in block:
                raise _holds_nul(path, lines - block.count(b"\n", block.index(b"\0")) + 1)
            last = block[-1:]
    if not head:
        raise WrongInputError(f"{name_as_delivered(path)} is empty once unpacked.", "Ask for it to be delivered again.")
    mixed = returns > 0 and not returns == pairs == lines
    starts_blank = head.startswith((b"\n", b"\r"))
    return _Census(
        head,
        lines + (last != b"\n"),
        quotes,
        odd or mixed or starts_blank,
        padded or last == b" ",
        digest.hex(),
        undecodable.counted(),
    )


def _line_ends(block: bytes) -> tuple[int, bool]:
    """How many line ends there are, and whether two follow one another."""
    ends = int(np.count_nonzero(np.frombuffer(block, np.uint8) == ord("\n")))
    # signs two by two, from the first and from the second: a search for both would take five times as long
    by_twos = (np.frombuffer(block, np.uint16, (len(block) - start) // 2, start) for start in (0, 1) if block[start:])
    return ends, any((twos == _TWO_LINE_ENDS).any() for twos in by_twos)


def _is_padded(block: bytes, delimiter: str) -> bool:
    """Whether there may be a blank at the edge of a field; signs that are not ASCII may be blanks too."""
    if not block.isascii():
        return True
    edges = (f" {delimiter}", f"{delimiter} ", " \n", " \r", "\n ")
    return b" " in block and any(edge.encode() in block for edge in edges)


def _unended(block: bytes, before: int) -> int:
    """The bytes since the last line end, or, when it is more, the length of the line that ends first in the block."""
    ends = [place for place in (block.find(b"\n"), block.find(b"\r")) if place >= 0]
    if not ends:
        return before + len(block)
    finished = before + min(ends)
    return finished if finished > LONGEST_LINE else len(block) - 1 - max(block.rfind(b"\n"), block.rfind(b"\r"))


def _require_text(path: Path, head: bytes) -> None:
    known = known_format(head)
    if known is not None:
        what, remedy = known
        raise WrongInputError(f"{name_as_delivered(path)} is {what}, no table of text or Parquet.", remedy)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _not_text(path)


def _not_text(path: Path) -> WrongInputError:
    return WrongInputError(
        f"{name_as_delivered(path)} is not a text file in UTF-8, so it is no CSV.",
        "Deliver it as CSV in UTF-8, or as Parquet.",
    )


def _holds_nul(path: Path, line: int) -> WrongInputError:
    return WrongInputError(
        f"{name_as_delivered(path)} is no text: line {line:,} holds a NUL, which no CSV does.",
        "Have it exported or sent anew, as CSV in UTF-8 or as Parquet: it was cut off while written, or is UTF-16.",
    )


def _mostly_undecodable(path: Path, undecodable: int, rows: int) -> WrongInputError:
    return WrongInputError(
        f"{name_as_delivered(path)} is not a text file in UTF-8: {min(undecodable, rows):,} of {rows:,} rows have "
        "bytes that are none.",
        "Save it as UTF-8, which is not what spreadsheets write unless asked (Windows-1252, Latin-1), or deliver it as "
        "Parquet.",
    )


def _text_layout(
    path: Path,
    gzipped: bool,
    census: _Census,
    source: Source,
    required: Sequence[str],
    optional: Sequence[str],
    describable: bool,
) -> Layout:
    if source.format == "bof2":
        _require_bof2(path, census.head, source.delimiter)
        positions = tuple((field, BOF2_FIELDS.index(field)) for field in (*required, *optional) if field in BOF2_FIELDS)
        narrowest, widest, quoting = BOF2_MANDATORY, len(BOF2_FIELDS), False
    else:
        header = _header(path, census.head, source.delimiter, describable)
        positions = _find_columns(path, header, source, required, optional, describable)
        narrowest = widest = len(header)
        quoting = True
    plain = not census.irregular and not (quoting and census.quotes)
    return Layout("text", gzipped, source.delimiter, quoting, quoting, positions, (), narrowest, widest, plain)


def _header(path: Path, head: bytes, delimiter: str, describable: bool) -> list[str]:
    text = head.decode("utf-8", errors="replace").removeprefix("\ufeff")
    lines = io.StringIO(text.lstrip("\r\n"), newline=None)
    try:
        first = next(csv.reader(lines, delimiter=delimiter), [])
    except csv.Error:
        raise WrongInputError(
            f"{name_as_delivered(path)} has no header line that names columns.",
            "Check the delimiter, or describe the file in a source YAML file (docs/own-data.md)."
            if describable
            else _AS_IT_MUST_BE,
        ) from None
    return [name.strip() for name in first]


def _about_header(header: Sequence[str], delimiter: str, describable: bool) -> str:
    """What to do about a header line without the columns that are needed."""
    others = {other: header[0].count(other) for other in DELIMITERS if other != delimiter} if len(header) == 1 else {}
    likeliest = max(others, key=others.__getitem__, default="")
    if likeliest and others[likeliest] and not describable:
        return (
            f"Its columns stand apart by {DELIMITERS[likeliest]}: have it saved with {DELIMITERS[delimiter]} instead."
        )
    if likeliest and others[likeliest]:
        written = '"\\t"' if likeliest == "\t" else f"'{likeliest}'"
        return (
            f"Its columns stand apart by {DELIMITERS[likeliest]}: write `delimiter: {written}` into a source YAML file "
            "(docs/own-data.md) and give that as --source."
        )
    if any(_A_TIME.match(name) for name in header):
        return "The first line seems to be a row: have the names of the columns put above it."
    if not describable:
        return _AS_IT_MUST_BE
    return "Check the header line and the delimiter, or describe the file in a source YAML file (docs/own-data.md)."


def _find_columns(
    path: Path,
    header: Sequence[str],
    source: Source,
    required: Sequence[str],
    optional: Sequence[str],
    describable: bool,
) -> tuple[tuple[str, int], ...]:
    wanted = {field: source.column_of(field) for field in (*required, *optional)}
    declared = source.declared
    missing = [
        name for field, name in wanted.items() if name not in header and (field in required or field in declared)
    ]
    if missing:
        raise WrongInputError(
            f"{name_as_delivered(path)} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)} "
            f"({_columns_there(header, wanted.values())}).",
            _about_header(header, source.delimiter, describable),
        )
    doubled = sorted({name for name in wanted.values() if header.count(name) > 1})
    if doubled:
        raise WrongInputError(
            f"{name_as_delivered(path)} has the column {doubled[0]} twice.", "Give each column its own name."
        )
    return tuple((field, header.index(name)) for field, name in wanted.items() if name in header)


def _columns_there(header: Sequence[str], wanted: Collection[str]) -> str:
    """The columns of a file by name; only their number unless this is surely a header, and no row, title or letter."""
    count = f"{len(header)} column{'s are' if len(header) != 1 else ' is'} there"
    named = all(len(name) <= _LONGEST_NAME and _COLUMN_NAME.fullmatch(name) for name in header)
    near = any(get_close_matches(name.lower(), [column.lower() for column in wanted], 1, 0.7) for name in header)
    if not (named and near and len(header) <= COLUMNS_NAMED):
        return count
    return f"{count}: {', '.join(header)}"


def _require_bof2(path: Path, head: bytes, delimiter: str) -> None:
    lines = head.decode("utf-8", errors="replace").splitlines()[:200]
    if not any(line.count(delimiter) >= BOF2_MANDATORY - 1 for line in lines):
        raise WrongInputError(
            f"{name_as_delivered(path)} is not BOF2 compact capture text: no line has {BOF2_MANDATORY} fields.",
            "Name the source that the file was written by.",
        )


def _parquet_layout(
    path: Path, gzipped: bool, source: Source, required: Sequence[str], optional: Sequence[str], describable: bool
) -> Layout:
    from data_contracts.sources.parquet import column_names

    names = column_names(path, gzipped)
    found = _find_columns(path, names, source, required, optional, describable)
    columns = tuple((field, names[position]) for field, position in found)
    return Layout("parquet", gzipped, "", False, False, (), columns, len(names), len(names), plain=True)
