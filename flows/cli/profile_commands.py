"""The command that opens the profile of one vehicle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.frame import app
from flows.cli.options import PATTERN, AsJson, AsOf, Pattern, Rocu, file_to_write, session
from flows.cli.output import show


@app.command("profile")
def profile(
    rocu: Rocu,
    as_of: AsOf,
    vehicle: Annotated[str, typer.Option(help="token of the vehicle, as scores prints it")],
    purpose: Annotated[str, typer.Option(help="why it is opened; one of the purposes of the policy")],
    authority: Annotated[str, typer.Option(help="reference of the authority, in the policy's format")],
    pattern: Pattern = PATTERN,
    html: Annotated[Path | None, file_to_write("write the page to this file instead of the home")] = None,
    json: AsJson = False,
) -> None:
    """Open the profile of a vehicle: what was seen, then the assessment. Each opening is recorded first."""
    from flows.steps.profile import Wanted, open_profile

    show(open_profile(session(), Wanted(rocu, pattern, as_of, vehicle, purpose, authority), html), json)
