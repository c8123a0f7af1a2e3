"""Commands that look at model versions: list, show, compare, history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.frame import group
from flows.cli.options import AsJson, OfRocu, session
from flows.cli.output import as_json, line, short, show, side_by_side, table
from flows.cli.promotion_commands import Model, Version, show_history

if TYPE_CHECKING:
    from flows.steps.models import Compared

WIDEST = 100

models = group("models", "Versions of models: where each stands, and how two compare.")


@models.command("list")
def list_(rocu: OfRocu = None, json: AsJson = False) -> None:
    """Every version: its state, its approvals and shadow days of those needed, when its term ends, what is next."""
    from flows.steps.models import list_models

    rows = list_models(session(), rocu)
    if json:
        as_json([row.model_dump(mode="json") for row in rows])
        return
    table(
        ("model", "version", "state", "approvals", "shadow days", "until", "next"),
        ((r.model, r.version, r.state, r.approvals, r.shadow_days, r.ends, r.next) for r in rows),
    )


@models.command("show")
def show_(model: Model, version: Version, json: AsJson = False) -> None:
    """One version: where it stands, its digests, approvals and shadow runs, and what comes next."""
    from flows.steps.models import show_version

    show(show_version(session(), model, version), json)


@models.command("compare")
def compare(
    model: Model,
    first: Annotated[int, typer.Argument(help="a version")],
    second: Annotated[int, typer.Argument(help="another version")],
    everything: Annotated[bool, typer.Option("--all", help="also what both have in common")] = False,
    json: AsJson = False,
) -> None:
    """What differs between two versions: data, settings, features, figures, and their lists of the same days."""
    from flows.steps.models import compare_versions

    compared = compare_versions(session(), model, first, second)
    if json:
        as_json(compared)
        return
    _show_rows(compared, everything)
    if not compared.same_holdout:
        line("  the figures are of two different hold-outs, so they do not say which version is better;")
        line("  the gate compares both on one: findprofile promote request, and the model record")
    if not compared.lists:
        line("  no day was scored by both on the same reads")
        return
    columns = tuple(compared.lists[0])
    line(f"  lists of version {second} against those of version {first}")
    side_by_side(
        [name.replace("_", " ") for name in columns],
        [[_figure(row[name]) for name in columns] for row in compared.lists],
        most=WIDEST,
    )


def _show_rows(compared: Compared, everything: bool) -> None:
    shown = [row for row in compared.rows if everything or not row.same]
    if shown:
        table(
            ("about", "what", f"version {compared.first}", f"version {compared.second}"),
            ((row.about, row.name, short(row.first), short(row.second)) for row in shown),
            most=WIDEST,
        )
    hidden = len(compared.rows) - len(shown)
    if hidden:
        line(f"  the same in both and not shown: {hidden} (--all shows them)")
    if any(short(text) != text for row in shown for text in (row.first, row.second)):
        line("  digests end with … where they are cut; --json has them whole")


def _figure(value: object) -> str:
    return "" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)


@models.command("history")
def history(model: Model, json: AsJson = False) -> None:
    """Everything that happened to a model's versions, with names and dates."""
    from flows.steps.promotion import promotion_history

    show_history(promotion_history(session(), model, None), json)
