"""Files as they arrive on bad days: good ones with their bytes damaged, and texts that break the rules of CSV."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from infra.errors import FindProfileError, WrongInputError

HEADER = "vrm,captured_at,camera_id,confidence,motion_toward_camera,feed_id,source_id,received_at"
CELLS = {
    "vrm": ("AB12CDE", "ab12 cdf", "XY21ZZZ", "NOREAD", "1", "ÄÖ12 ÜÜÜ", "AB12CDE" * 40, "A\x0bB", "\u202eEDC21BA"),
    "captured_at": (
        "2026-05-18T08:00:00Z",
        "2026-05-18T09:00:00.250+01:00",
        "2026-05-18 08:00:00+00",
        "2026-05-18T08:00:00",
        "2026-05-18",
        "-0044-03-15T12:00:00Z",
        "294247-01-10 04:00:54.775806+00:00",
        "0044-03-15 (BC) 12:00:00+00",
        "0000-00-00T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "infinity",
        "1747555200",
        "2026-05-18T25:61:61Z",
    ),
    "camera_id": ("CAM-1", "CAM-2", "CAM-OLD", "CAM-9", "AB12CDE", "c" * 3000, "'; DROP TABLE judged; --"),
    "confidence": ("95", "101", "-1", "nan", "inf", "1e999", "0x1F", "9" * 400, "½"),
    "motion_toward_camera": ("true", "0", "maybe", "TRUE "),
    "feed_id": ("feed", "XY21 ZZZ", "{}", "%s", "\\N"),
    "source_id": ("7", "", " ", "NULL"),
    "received_at": ("2026-05-18T08:00:02Z", "294247-01-10 04:00:54+00", "never"),
}
GOOD_ROWS = [
    f"AB12C{a}{b},2026-05-18T08:{m:02}:00Z,CAM-1,95,true,feed,7,2026-05-18T08:{m:02}:02Z"
    for m, (a, b) in enumerate((a, b) for a in "ABCDE" for b in "ABCDE")
]
GOOD = "\n".join([HEADER, *GOOD_ROWS]) + "\n"
BOF2 = "".join(
    f"sig|user|AB12CD{letter}|1|2|CAM-1|2026-05-18T08:00:00Z|53.4|-2.98|||||95|true\n" for letter in "ABCDEFGH"
)
CODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "cp037")
LINE_ENDS = ("\n", "\r\n", "\r", "\n\n", "\n\r", "\x0b", "\u2028", "\x85")


def damaged(content: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """The bytes with up to four places cut, flipped, doubled, or filled with others."""
    place = st.floats(0, 1, exclude_max=True)
    filling = st.one_of(
        st.binary(min_size=1, max_size=8),
        st.sampled_from([b"\0", b'"', b'""', b"\r", b"\n", b",", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1a", b"\x01", b"|"]),
    )
    edit = st.tuples(st.sampled_from(["cut", "flip", "insert", "delete", "double", "swap"]), place, filling)
    return st.builds(_edited, content, st.lists(edit, min_size=1, max_size=4))


def _edited(content: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    held = bytearray(content)
    for kind, where, filling in edits:
        at = int(where * len(held))
        if kind == "cut":
            # mostly near the end, so that something is left of a file with several edits
            del held[len(held) - int((1 - where) * len(held) / 4) :]
        elif kind == "flip" and held:
            held[at] ^= 1 << (filling[0] % 8)
        elif kind == "insert":
            held[at:at] = filling
        elif kind == "delete":
            del held[at : at + len(filling)]
        elif kind == "double":
            held[at:at] = held[at : at + 40 * len(filling)]
        else:
            held[at : at + len(filling)] = filling
    return bytes(held)


def texts() -> st.SearchStrategy[bytes]:
    """CSV whose cells, quotes, widths, line ends, header and encoding are not what they should be."""
    cell = st.one_of(*(st.sampled_from(values) for values in CELLS.values()), st.text(max_size=12))
    usual = st.tuples(*(st.sampled_from(values) for values in CELLS.values())).map(list)
    quoted = st.tuples(cell, st.sampled_from(['"{}"', '"{}', '{}"', '"{}""', '""{}', "'{}'", '"{}\n{}"'])).map(
        lambda pair: pair[1].replace("{}", pair[0])
    )
    odd = st.lists(st.one_of(cell, quoted), min_size=0, max_size=11)
    row = st.one_of(usual, usual, usual.map(lambda row: [f'"{cell}"' for cell in row]), odd).map(",".join)
    line = st.one_of(row, row, row, st.just(HEADER), st.just(""), st.sampled_from(GOOD_ROWS))
    header = st.sampled_from(
        [
            HEADER,
            HEADER,
            HEADER,
            HEADER + ",note",
            HEADER + ",vrm",
            HEADER.upper(),
            f"{HEADER}\n{HEADER}",
            "",
            '"' + HEADER,
        ]
    )
    return st.builds(
        _written, header, st.lists(line, max_size=8), st.sampled_from(LINE_ENDS[:4] * 3 + LINE_ENDS), CODED
    )


CODED = st.sampled_from(["utf-8"] * 8 + list(CODINGS))


def _written(header: str, lines: list[str], line_end: str, coding: str) -> bytes:
    return line_end.join([header, *lines, ""]).encode(coding, errors="replace")


def parquet(columns: dict[str, pa.Array], **how: object) -> bytes:
    """A Parquet file of these columns."""
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **how)
    return stream.getvalue()


def good_parquet(**how: object) -> bytes:
    """Good reads as Parquet."""
    rows = [row.split(",") for row in GOOD_ROWS]
    columns = {name: pa.array([row[n] for row in rows]) for n, name in enumerate(HEADER.split(","))}
    when = [datetime.fromisoformat(row[1]) for row in rows]
    return parquet({**columns, "captured_at": pa.array(when, pa.timestamp("us", "UTC"))}, **how)


def odd_parquet() -> dict[str, bytes]:
    """Parquet whose columns have other types than reads should, each with whether some read can be accepted of it."""
    at = datetime(2026, 5, 18, 8, tzinfo=UTC)
    plain = {
        "vrm": pa.array(["AB12CDE", "AB12CDF"]),
        "captured_at": pa.array([at, at], pa.timestamp("us", "UTC")),
        "camera_id": pa.array(["CAM-1", "CAM-1"]),
    }
    changed: dict[str, dict[str, pa.Array]] = {
        "nested": {"vrm": pa.array([["AB12CDE"], []])},
        "struct": {"vrm": pa.array([{"vrm": "AB12CDE"}, None])},
        "map": {"feed_id": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int8()))},
        "decimal": {"confidence": pa.array([Decimal("95.00"), None], pa.decimal128(5, 2))},
        "decimal256": {"confidence": pa.array([Decimal("95.00"), None], pa.decimal256(50, 2))},
        "half_float": {"confidence": pa.array([95.0, None], pa.float16())},
        "day": {"captured_at": pa.array([date(2026, 5, 18)] * 2, pa.date32())},
        "day64": {"captured_at": pa.array([date(2026, 5, 18)] * 2, pa.date64())},
        "clock": {"captured_at": pa.array([1, 2], pa.time64("us"))},
        "duration": {"captured_at": pa.array([1, 2], pa.duration("us"))},
        "epoch": {"captured_at": pa.array([1747555200, 1747555201])},
        "zoned": {"captured_at": pa.array([at, at], pa.timestamp("ms", "Europe/London"))},
        "nanoseconds": {"captured_at": pa.array([at, at], pa.timestamp("ns", "UTC"))},
        "far_away": {"captured_at": pa.array([2**62, -(2**62)], pa.timestamp("us", "UTC"))},
        "dictionary": {"vrm": pa.array(["AB12CDE", "AB12CDE"]).dictionary_encode()},
        "flags_as_bytes": {"motion_toward_camera": pa.array([1, 0], pa.uint8())},
        "flags_as_words": {"motion_toward_camera": pa.array([True, None])},
        "binary": {"vrm": pa.array([b"AB12CDE", b"\xff\xfe\x00"])},
        "fixed_binary": {"vrm": pa.array([b"AB12CDE", b"AB12CDF"], pa.binary(7))},
        "large": {"vrm": pa.array(["AB12CDE", "AB12CDF"], pa.large_string())},
        "view": {"vrm": pa.array(["AB12CDE", "AB12CDF"], pa.string_view())},
        "no_utf8": {"vrm": pa.array([b"AB12CDE", b"\xc3\x28"]).cast(pa.string(), safe=False)},
        "zeros": {"vrm": pa.array(["AB12\0CDE", "AB12CDF"]), "feed_id": pa.array(["a\0b", "\0"])},
        "nothing": {"vrm": pa.nulls(2), "feed_id": pa.nulls(2)},
        "numbers": {"vrm": pa.array([12, 13]), "camera_id": pa.array([1.5, float("nan")])},
        "capitals_too": {"VRM": pa.array(["XY21ZZZ"] * 2), "Vrm": pa.array([1, 2])},
        "dotted": {"vrm.x": pa.array([1, 2]), 'a"b': pa.array([1, 2]), "": pa.array([1, 2])},
    }
    files = {name: parquet({**plain, **columns}) for name, columns in changed.items()}
    files["int96"] = parquet(plain, use_deprecated_int96_timestamps=True)
    files["no_rows"] = parquet({name: column[:0] for name, column in plain.items()})
    files["no_columns"] = parquet({})
    files["column_twice"] = _twice(plain)
    return files


def _twice(plain: dict[str, pa.Array]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([*plain.values(), plain["vrm"]], names=[*plain, "vrm"]), stream)
    return stream.getvalue()


def kinds() -> dict[str, st.SearchStrategy[bytes]]:
    """The kinds of broken file, by name."""
    some_parquet = st.sampled_from([good_parquet(), good_parquet(compression="none"), good_parquet(row_group_size=7)])
    return {
        "text": texts(),
        "damaged_text": damaged(st.one_of(st.just(GOOD.encode()), texts())),
        "packed": st.one_of(texts(), damaged(st.just(GOOD.encode()))).map(lambda text: gzip.compress(text, 1, mtime=0)),
        "damaged_packed": damaged(st.just(gzip.compress(GOOD.encode(), mtime=0))),
        "damaged_parquet": damaged(some_parquet),
        "damaged_packed_parquet": damaged(some_parquet).map(lambda content: gzip.compress(content, 1, mtime=0)),
        "damaged_bof2": damaged(st.just(BOF2.encode())),
    }


def check_told(error: FindProfileError, kind: type[FindProfileError] = WrongInputError) -> None:
    assert isinstance(error, kind)
    assert error.reason.endswith(".")
    assert error.instruction.endswith((".", "`."))
    assert str(error).isprintable()
    assert "AB12CD" not in str(error)
