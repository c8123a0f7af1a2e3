"""What a file that is no table is instead, by its first bytes, and what its supplier should do about it."""

from __future__ import annotations

_UNPACK = "Unpack it and deliver the file in it."
_EXPORT = "Export it as CSV in UTF-8, or as Parquet."

# first bytes: what it is, what to do
_KNOWN = (
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet", "Deliver the CSV in it; export a spreadsheet as CSV in UTF-8."),
    (b"PK\x05\x06", "an empty ZIP archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"BZh", "packed with bzip2", "Unpack it, or pack it with gzip."),
    (b"\xfd7zXZ\x00", "packed with xz", "Unpack it, or pack it with gzip."),
    (b"\x28\xb5\x2f\xfd", "packed with Zstandard", "Unpack it, or pack it with gzip."),
    (b"\x04\x22\x4d\x18", "packed with LZ4", "Unpack it, or pack it with gzip."),
    (b"\x1f\x8b", "packed with gzip twice", "Unpack it once."),
    (b"%PDF", "a PDF", "Ask for the data behind it, as CSV in UTF-8 or as Parquet."),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old office file", _EXPORT),
    (b"SQLite format 3\x00", "an SQLite database", _EXPORT),
    (b"ARROW1", "an Arrow file", _EXPORT),
    (b"Obj\x01", "an Avro file", _EXPORT),
    (b"ORC", "an ORC file", _EXPORT),
    (b"PARE", "Parquet with an encrypted footer", "Deliver it as Parquet without encryption; landing seals it."),
    (b"\x89PNG\r\n\x1a\n", "a picture", _EXPORT),
    (b"\xff\xd8\xff", "a picture", _EXPORT),
    (b"age-encryption.org/", "sealed with age", "Open it with its key and deliver the file in it."),
)
_TAR_AT = 257


def known_format(head: bytes) -> tuple[str, str] | None:
    """What the first bytes say that a file is, when that is no table, and what to do; None if they say nothing."""
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "a tar archive", _UNPACK
    return next(((what, remedy) for magic, what, remedy in _KNOWN if head.startswith(magic)), None)
