"""Commands that look at model versions: list, show, compare, history."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.frame import group
from flows.cli.options import AsJson, OfRocu, session
from flows.cli.output import as_json, line, show, table
from flows.cli.promotion_commands import Model, Version, show_history

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
    """Two versions side by side: data, settings, features, figures, and how their lists of the same days differ."""
    from flows.steps.models import compare_versions

    compared = compare_versions(session(), model, first, second)
    if json:
        as_json(compared)
        return
    shown = [row for row in compared.rows if everything or row.about == "figure" or not row.same]
    table(("", "", f"version {first}", f"version {second}"), ((r.about, r.name, r.first, r.second) for r in shown))
    if not compared.same_holdout:
        line("  the figures are of two different hold-outs, so they do not say which version is better;")
        line("  the gate compares both on one: findprofile promote request, and the model record")
    line(f"  in common and not shown: {len(compared.rows) - len(shown)} (--all shows them)")
    if not compared.lists:
        line("  no day was scored by both on the same reads")
        return
    columns = tuple(compared.lists[0])
    table(
        tuple(name.replace("_", " ") for name in columns),
        (tuple(_short(row[name]) for name in columns) for row in compared.lists),
        title=f"lists of version {second} against those of version {first}",
    )


def _short(value: object) -> object:
    return f"{value:.2f}" if isinstance(value, float) else value


@models.command("history")
def history(model: Model, json: AsJson = False) -> None:
    """Everything that happened to a model's versions, with names and dates."""
    from flows.steps.promotion import promotion_history

    show_history(promotion_history(session(), model, None), json)
