"""Commands on contracts: what data must be, what changed about it, and whether a draft can be run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.frame import group
from flows.cli.options import AsJson, file_to_write, session
from flows.cli.output import as_json, line, table
from infra.errors import RefusedError, WrongInputError

if TYPE_CHECKING:
    from data_contracts.contract.diff import ContractDifference

contracts = group("contracts", "The data contracts: what a delivery must be, version by version.")

Reference = Annotated[
    str, typer.Argument(help="reads, cameras or dispositions; an older version as reads@1.0.0; or a file")
]


@contracts.command("list")
def contracts_list(json: AsJson = False) -> None:
    """List the contracts with every version that is kept, and how many rules of each severity they have."""
    from flows.steps.contracts import list_contracts

    rows = list_contracts()
    if json:
        as_json([row.model_dump(mode="json") for row in rows])
        return
    table(
        ("contract", "version", "status", "reject", "fail", "warn", "about"),
        ((r.name, r.version, r.status, r.rejects, r.fails, r.warns, r.about) for r in rows),
    )


@contracts.command("show")
def contracts_show(
    contract: Reference,
    rocu: Annotated[
        str | None, typer.Option("--rocu", help="put the limits of this ROCU's policy in; needs a token for it")
    ] = None,
    html: Annotated[Path | None, file_to_write("write the contract to this file, as a page")] = None,
    json: AsJson = False,
) -> None:
    """Show a contract in words: fields, rules with severity and limits, what each means. Nobody need be signed in."""
    from flows.cli.contract_text import contract_lines
    from flows.steps.contracts import show_contract

    page = show_contract(contract, session() if rocu else None, rocu.lower() if rocu else None, html)
    if json:
        as_json(page)
        return
    if html:
        line(f"  drawn in {html}")
        return
    for text in contract_lines(page):
        line(text)


@contracts.command("diff")
def contracts_diff(before: Reference, after: Reference, json: AsJson = False) -> None:
    """Say what changed between two versions and whom it breaks; refuse a version step that is too small for it."""
    from flows.cli.contract_text import difference_lines
    from flows.steps.contracts import compare

    a, b, difference = compare(before, after)
    if json:
        as_json(_difference(difference))
    else:
        for text in difference_lines(a, b, difference):
            line(text)
    if difference.taken == "back":
        raise RefusedError(
            f"The second document, {b.label}, is the older one: {a.label} comes after it.",
            f"Exchange them; or, if it is a draft, write version {difference.least_version} or later.",
        )
    if not difference.is_enough:
        raise RefusedError(
            f"The changes need a {difference.needed} version step, and the step from {a.version} to {b.version} is "
            f"{difference.taken}.",
            f"Write version {difference.least_version}, or take back what needs it.",
        )


@contracts.command("check")
def contracts_check(
    file: Annotated[Path, typer.Argument(help="contract document (ODCS YAML)")], json: AsJson = False
) -> None:
    """Check whether a document is a contract that this product can run; says all that is wrong with it at once."""
    from data_contracts.intake.names import name_as_delivered
    from flows.cli.contract_text import problem_lines
    from flows.steps.contracts import check

    problems = check(file)
    name = name_as_delivered(file)
    if json:
        as_json({"file": name, "can_be_run": not problems, "problems": [asdict(problem) for problem in problems]})
    elif problems:
        for text in problem_lines(problems):
            line(text)
    else:
        line(f"  {name} can be run: valid in the standard, every rule tried")
    if problems:
        raise WrongInputError(
            f"{name} cannot be run as a contract: {len(problems)} problem{'s' if len(problems) > 1 else ''}.",
            "Do what is said of each, and check again.",
        )


def _difference(difference: ContractDifference) -> dict[str, object]:
    return {
        "before": difference.before,
        "after": difference.after,
        "needed": difference.needed,
        "taken": difference.taken,
        "is_enough": difference.is_enough,
        "least_version": difference.least_version,
        "changes": [{"kind": change.kind, **asdict(change)} for change in difference.changes],
    }
