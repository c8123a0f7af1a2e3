"""What a step leaves for people in Prefect: a table of its figures and links to its pages.

Only the summary and the links of a result go there, never rows: Prefect's database is not a layer of the lake.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from prefect.artifacts import create_link_artifact, create_table_artifact

if TYPE_CHECKING:
    from flows.steps.results import StepResult


def publish(step: str, rocu: str, as_of: date, result: StepResult) -> None:
    """Put a step's figures and links beside its run.

    The key is `<step>-<rocu>`, so that Prefect shows one ROCU's runs of a step as one history.
    """
    create_table_artifact(
        table=[{"figure": name.replace("_", " "), "value": value} for name, value in result.summary().items()],
        key=_key(step, rocu),
        description=f"{step} {rocu} {as_of}",
    )
    for title, path in result.links().items():
        create_link_artifact(link=path.resolve().as_uri(), link_text=f"{title}: {path}", key=_key(step, rocu, title))


def _key(*parts: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
