"""The first row of a CSV file that is not as long as its header, for an error that says where to look.

Belongs here: finding that row in a file that could not be read. Does not: reading files (counts_file).
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from pathlib import Path

from data_contracts.sources.opening import open_plain
from infra.errors import WrongInputError


def ragged_row(file: Path) -> str | None:
    """Row, camera and fault in words; None if there is no such row, or the file is no text."""
    try:
        with file.open("rb") as raw:
            gzipped = raw.read(2) == b"\x1f\x8b"
        with open_plain(file, gzipped) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
            return _first_ragged(text)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, gzip.BadGzipFile, zlib.error, WrongInputError):
        return None


def _first_ragged(text: io.TextIOWrapper) -> str | None:
    rows = csv.reader(text)
    header = [column.strip().lower() for column in next(rows, [])]
    at = header.index("camera_id") if "camera_id" in header else len(header)
    for number, row in enumerate((row for row in rows if row), start=1):
        if len(row) != len(header):
            of = f" of camera {row[at].strip()}" if at < len(row) and row[at].strip() else ""
            return f"row {number}{of} has {len(row)} fields, the header {len(header)}"
    return None
