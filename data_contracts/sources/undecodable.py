"""How many lines of a text file have bytes that are no UTF-8, counted block by block as the file goes by."""

from __future__ import annotations

LONGEST_KEPT = 1 << 20


class UndecodableLines:
    """A counter of lines that cannot be decoded.

    A line that goes over a block's end is kept until its own end comes; of one too long to be a row only the end is.
    """

    def __init__(self) -> None:
        self._kept = b""
        self._lines = 0

    def see(self, block: bytes) -> None:
        """Count in the lines that end in this block."""
        end = block.rfind(b"\n") + 1
        if not end:
            self._kept = (self._kept + block)[-LONGEST_KEPT:]
            return
        # nearly every block of nearly every file, at no copy
        if not (block.isascii() and self._kept.isascii()):
            self._lines += _undecodable(self._kept + block[:end])
        self._kept = block[end:]

    def counted(self) -> int:
        """The number of such lines, a last one without a line end among them."""
        return self._lines + _undecodable(self._kept)


def _undecodable(text: bytes) -> int:
    if text.isascii() or _is_utf8(text):
        return 0
    return sum(not _is_utf8(line) for line in text.splitlines() if not line.isascii())


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
