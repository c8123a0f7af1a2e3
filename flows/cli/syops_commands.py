"""Commands on the security operating procedures."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.frame import group
from flows.cli.options import AsJson, session
from flows.cli.output import as_json, line, show

syops = group("syops", "The security operating procedures, which whoever acts has accepted.")


@syops.command("show")
def syops_show(json: AsJson = False) -> None:
    """Show the operating procedures in force; needs no token."""
    from governance.access.syops import procedures

    in_force = procedures()
    if json:
        as_json({"version": in_force.version, "digest": in_force.digest, "pages": in_force.pages})
        return
    for name in sorted(in_force.pages, key=lambda name: (name != "README.md", name)):
        line(in_force.pages[name])
    line(f"version {in_force.version}, SHA-256 {in_force.digest}")


@syops.command("accept")
def syops_accept(
    version: Annotated[str, typer.Option(help="the version that was read, as `syops show` prints it")],
    json: AsJson = False,
) -> None:
    """Accept the operating procedures, for every ROCU of the token; on record, for as long as the policy says."""
    from flows.steps.syops import accept_procedures

    show(accept_procedures(session(unaccepted=True, begins=True), version), json)
