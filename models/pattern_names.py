"""The names of the patterns that there are, without loading any: what asks for no more than names starts quickly.

Belongs here: finding them. Does not: what a pattern is (`models.patterns`).
"""

from __future__ import annotations

import pkgutil
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from infra.errors import FaultError
from models.code_state import PATTERN_GROUP


def pattern_names() -> tuple[str, ...]:
    """The names of all patterns, sorted: those that come with the product and those that are installed beside it.

    Raises:
        FaultError: An installed distribution takes a name that is taken.
    """
    return tuple(sorted({*own_patterns(), *installed_patterns()}))


def own_patterns() -> frozenset[str]:
    """The names of those that come with the product: the modules of `models.patterns`."""
    return frozenset(module.name for module in pkgutil.iter_modules([str(Path(__file__).with_name("patterns"))]))


def installed_patterns() -> dict[str, EntryPoint]:
    """The entry points of those that other distributions bring, by name.

    Raises:
        FaultError: One takes a name that is taken.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=PATTERN_GROUP):
        # one distribution may be found twice on the path; two that differ would make the model depend on their order
        taken = point.name in own_patterns() or found.get(point.name, point).value != point.value
        if taken:
            raise FaultError(
                f"The pattern {point.name!r} ({point.value}) takes a name that is taken.",
                f"Uninstall that distribution, or rename its entry point in {PATTERN_GROUP}.",
            )
        found[point.name] = point
    return found
