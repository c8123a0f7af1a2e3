"""The command that makes a version's documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.frame import app
from flows.cli.options import AsJson, folder_to_write, session
from flows.cli.output import show


@app.command("documents")
def documents(
    model: Annotated[str, typer.Argument(help="model name, such as county_lines.nwrocu")],
    version: Annotated[int, typer.Argument(help="model version")],
    out: Annotated[
        Path | None, typer.Option(help="folder to write to; default: the region's pages", callback=folder_to_write)
    ] = None,
    json: AsJson = False,
) -> None:
    """Make model card, draft ATRS record, change-plan report and approval sheet from the record; HTML and JSON."""
    from flows.steps.documents import write_documents

    show(write_documents(session(), model, version, out), json)
