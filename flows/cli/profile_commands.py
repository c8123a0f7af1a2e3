"""The command that opens the profile of one vehicle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.frame import app
from flows.cli.options import PATTERN, AsJson, AsOf, Pattern, Rocu, file_to_write, session
from flows.cli.output import as_json, line, wrapped
from infra.wording import counted

if TYPE_CHECKING:
    from flows.steps.profile import Profiled


@app.command("profile")
def profile(
    rocu: Rocu,
    as_of: AsOf,
    vehicle: Annotated[str, typer.Option(help="token of the vehicle, as scores prints it")],
    purpose: Annotated[
        str,
        typer.Option(
            help="why this vehicle is looked at, such as investigation or safeguarding: one of vault.purposes of the "
            "policy (policy show), not what a run is for"
        ),
    ],
    authority: Annotated[str, typer.Option(help="reference of the authority, in the policy's format")],
    pattern: Pattern = PATTERN,
    html: Annotated[Path | None, file_to_write("write the page to this file instead of the home")] = None,
    json: AsJson = False,
) -> None:
    """Open the profile of a vehicle: what was seen, look-alikes, the assessment. Each opening is recorded first."""
    from flows.steps.profile import Wanted, open_profile

    profiled = open_profile(session(), Wanted(rocu, pattern, as_of, vehicle, purpose, authority), html)
    if json:
        as_json(profiled)
        return
    _print_seen(profiled)
    _print_look_alikes(profiled)
    _print_assessment(profiled)
    line(f"\n  profile  {profiled.page}")


def _print_seen(profiled: Profiled) -> None:
    line(f"  vehicle {profiled.vehicle}, {profiled.pattern} of {profiled.rocu}, window up to {profiled.as_of}")
    line("\n  What was seen (facts; all of them are on the page)")
    read = f"{counted(profiled.reads, 'read')}, {counted(profiled.journeys, 'journey')}"
    line(f"    {read}, {counted(profiled.places, 'place')}, {counted(profiled.impossible_hops, 'impossible hop')}")
    for doubt in profiled.doubts:
        wrapped(f"! {doubt}", 4, 2)


def _print_look_alikes(profiled: Profiled) -> None:
    line("\n  Look-alikes to rule out (innocent lives of the same shape; that nothing speaks for one is no evidence)")
    for one in profiled.look_alikes:
        line(f"    {one.name}")
        for sign, sentences in (("for", one.speaks_for), ("against", one.against), ("rule it out", (one.check,))):
            for sentence in sentences:
                wrapped(f"{sign}: {sentence}", 6, 2)


def _print_assessment(profiled: Profiled) -> None:
    line("\n  The assessment (made by a model from the facts; not a fact, not a finding, not a decision)")
    if profiled.not_assessed:
        wrapped(profiled.not_assessed, 4, 2)
        return
    for sign, sentences in (("!", profiled.cautions), ("+", profiled.raised), ("-", profiled.lowered)):
        for sentence in sentences:
            wrapped(f"{sign} {sentence}", 4, 2)
    if profiled.rank is None or profiled.score is None:
        line("    rank and score are not shown to those who review: some of the list were drawn at random")
    else:
        line(f"    rank {profiled.rank:,}, score {profiled.score:.4f}")
    line(f"    run {profiled.run_id}")
