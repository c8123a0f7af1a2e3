"""Numbers with what they count, as people write them."""

from __future__ import annotations


def counted(number: int, one: str, several: str | None = None) -> str:
    """A number with what it counts: 1 row, 2,000 rows.

    Args:
        number: How many.
        one: The word for one.
        several: The word for more, where that is not the same with an s.
    """
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
