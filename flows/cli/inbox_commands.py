"""Commands about the inbox of a ROCU: what waits there, what was set aside, and how that comes back."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.frame import group
from flows.cli.options import AsJson, Rocu, session
from flows.cli.output import show

inbox = group("inbox", "Files that wait for the scheduled ingest of a ROCU.")


@inbox.command("list")
def inbox_list(rocu: Rocu, json: AsJson = False) -> None:
    """List what waits, and what was set aside because it cannot be taken, with the reasons."""
    from flows.steps.inbox import show_inbox

    show(show_inbox(session(), rocu), json)


@inbox.command("bring-back")
def inbox_bring_back(
    file_id: Annotated[str, typer.Argument(help="id of the file, as `inbox list` prints it")],
    rocu: Rocu,
    json: AsJson = False,
) -> None:
    """Put a file that was set aside into the inbox again, for example once its source is described."""
    from flows.steps.inbox import bring_back

    show(bring_back(session(), rocu, file_id), json)
