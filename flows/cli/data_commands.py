"""Commands that bring data in: camera registers, reads, dispositions, policies; and the vault."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.frame import app, group
from flows.cli.options import AsJson, Files, Rocu, SourceName, session
from flows.cli.output import as_json, show, table
from infra.errors import RefusedError

cameras = group("cameras", "The camera register of a ROCU.")
dispositions = group("dispositions", "Analysts' findings, which are the labels.")
policy = group("policy", "The policy of a ROCU: limits, capacity, approvers.")
vault = group("vault", "The encrypted vault of raw VRMs.")


@cameras.command("load")
def cameras_load(
    file: Annotated[Path, typer.Argument(help="CSV of the register")],
    rocu: Rocu,
    json: AsJson = False,
) -> None:
    """Load a camera register; cameras that are not in the file stay as they are."""
    from flows.steps.data import load_cameras

    show(load_cameras(session(begins=True), rocu, file), json)


@app.command("ingest")
def ingest(
    files: Files,
    rocu: Rocu,
    source: SourceName = "canonical",
    replaces: Annotated[str | None, typer.Option(help="failed batch that this file is delivered for again")] = None,
    json: AsJson = False,
) -> None:
    """Check files of reads against the contract, pseudonymise them and put them into the lake."""
    from flows.running import run_step
    from flows.steps.data import judged_before

    context = session(begins=True)
    try:
        result = run_step(context, "ingest", rocu=rocu, files=tuple(files), source=source, replaces=replaces)
    except RefusedError:
        # of a call that was refused before anything was judged there is nothing to show
        if "failed" in (before := judged_before(context, rocu, files)).verdicts:
            show(before, json)
        raise
    show(result, json)


@dispositions.command("load")
def dispositions_load(files: Files, rocu: Rocu, source: SourceName = "canonical", json: AsJson = False) -> None:
    """Load analysts' findings about vehicles and windows."""
    from flows.steps.data import load_dispositions

    show(load_dispositions(session(begins=True), rocu, files, source), json)


@policy.command("load")
def policy_load(
    file: Annotated[Path, typer.Argument(help="policy file (YAML)")], rocu: Rocu, json: AsJson = False
) -> None:
    """Put a ROCU's own policy in force; shows what changes and whether it is weaker, which is recorded too."""
    from flows.steps.policy import WAYS, load_rocu_policy

    loaded = load_rocu_policy(session(begins=True), rocu, file)
    show(loaded, json)
    if not json and loaded.changes:
        table(
            ("key", "before", "now", "is"),
            ((change.key, change.usual, change.own, WAYS[change.direction]) for change in loaded.changes),
            title="what this policy changes",
        )


@policy.command("show")
def policy_show(rocu: Rocu) -> None:
    """Print the policy in force as JSON, with its digest and where it comes from."""
    from flows.steps.policy import policy_in_force

    as_json(policy_in_force(session(), rocu))


@vault.command("reveal")
def vault_reveal(
    tokens: Annotated[list[str], typer.Argument(help="vehicle tokens", metavar="TOKEN...")],
    purpose: Annotated[
        str,
        typer.Option(
            help="why this plate is needed, such as investigation or safeguarding: one of vault.purposes of the policy "
            "(policy show), not what a run is for"
        ),
    ],
    authority: Annotated[str, typer.Option(help="reference of the authority, in the policy's format")],
    rocu: Annotated[
        str | None, typer.Option(help="whose vehicles they are, if your token is for several ROCUs")
    ] = None,
    json: AsJson = False,
) -> None:
    """Show the plates behind tokens. Every opening is recorded before it happens."""
    from flows.steps.vault import reveal_plates

    revealed = reveal_plates(session(), rocu, tokens, purpose, authority)
    if json:
        as_json(revealed)
    else:
        table(("vehicle", "VRM"), revealed.items())
