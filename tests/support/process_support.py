"""Processes of their own for tests, which have nothing in common but what they import."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext

IMPORTED = ["pytest", "sqlalchemy", "psycopg", "infra.database", "infra.keys"]


def of_a_prepared_process() -> ForkServerContext:
    """Processes that are split off one which is no copy of this one: it has imported, and opened nothing.

    Their environment is that of the first such call, not the test's.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context
