"""The careful way through a text file: quotes, line ends inside quotes, blank lines, bytes that are no UTF-8.

A record is one line, unless its quotes are open at the line's end: then following lines are tried until the record is
whole. If it never becomes a record of the right width, the line is a malformed row by itself and reading goes on with
the next line, so a stray quote costs one row and not the rest of the file. Blank lines are no rows. A line too long to
be a row is a malformed one, and is never held whole.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice

import pyarrow as pa

from data_contracts.sources.inspection import LONGEST_LINE, Delivery, Layout
from data_contracts.sources.opening import open_plain

ROWS_AT_ONCE = 50_000
LINES_IN_A_RECORD = 20
TOO_LONG = "\0"  # stands in no text file that is taken


def careful_rows(delivery: Delivery, fields: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of a file, in order, some thousands at a time: `whole`, then the fields (text, trimmed, NULL if blank).

    Raises:
        WrongInputError: The gzip stream is cut short or damaged.
    """
    layout = delivery.layout
    schema = pa.schema([("whole", pa.bool_()), *((field, pa.string()) for field in fields)])
    with open_plain(delivery.path, layout.gzipped) as stream:
        lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline=None)
        records = _records(_Lines(lines), layout)
        if layout.header:
            next(records, None)
        while block := list(islice(records, ROWS_AT_ONCE)):
            yield _as_table(block, layout, fields, schema)


class _Lines:
    """Lines with a way back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._held: list[str] = []

    def take(self) -> str | None:
        if self._held:
            return self._held.pop()
        line = self._text.readline(LONGEST_LINE)
        if len(line) < LONGEST_LINE or line.endswith("\n"):
            return line or None
        while (rest := self._text.readline(LONGEST_LINE)) and not rest.endswith("\n"):
            pass
        return TOO_LONG

    def give_back(self, lines: Sequence[str]) -> None:
        self._held.extend(reversed(lines))


def _records(lines: _Lines, layout: Layout) -> Iterator[list[str] | None]:
    while (line := lines.take()) is not None:
        if line == "\n":
            continue
        if line == TOO_LONG:
            yield None
        elif not layout.quoting or '"' not in line:
            yield line.removesuffix("\n").split(layout.delimiter)
        else:
            yield _quoted_record(line, lines, layout)


def _quoted_record(line: str, lines: _Lines, layout: Layout) -> list[str] | None:
    text, taken = line, list[str]()
    while True:
        if text.count('"') % 2 == 0:
            record = _parse(text, layout.delimiter)
            if record is not None and (not taken or layout.narrowest <= len(record) <= layout.widest):
                return record
        following = lines.take() if len(taken) < LINES_IN_A_RECORD else None
        if following in (None, TOO_LONG) or (not taken and text.count('"') % 2 == 0):
            break
        taken.append(following)
        text += following
    lines.give_back([*taken, *([following] if following is not None else [])])
    return None


def _parse(text: str, delimiter: str) -> list[str] | None:
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return records[0] if len(records) == 1 else None


def _as_table(
    records: Sequence[list[str] | None], layout: Layout, fields: Sequence[str], schema: pa.Schema
) -> pa.Table:
    whole = [
        record is not None and layout.narrowest <= len(record) <= layout.widest and _is_text(record)
        for record in records
    ]
    positions = dict(layout.positions)
    columns: list[pa.Array] = [pa.array(whole, pa.bool_())]
    for field in fields:
        place = positions.get(field)
        columns.append(
            pa.array(
                [
                    (record[place].strip(" ") or None)
                    if good and record and place is not None and place < len(record)
                    else None
                    for record, good in zip(records, whole, strict=True)
                ],
                pa.string(),
            )
        )
    return pa.Table.from_arrays(columns, schema=schema)


def _is_text(record: Sequence[str]) -> bool:
    return all(cell.isprintable() or not any("\ud800" <= letter <= "\udfff" for letter in cell) for cell in record)
