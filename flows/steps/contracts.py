"""Steps on contracts: listing them, showing one, comparing two, checking a draft.

A contract says what data must be, and holds nothing of any ROCU or person: whoever can run the program may read it, as
suppliers must. The limits that a ROCU put into it are the ROCU's policy, and need the permission to read that.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from data_contracts.contract.document import CONTRACT_NAMES, Contract, Rule, contract_versions, load_contract
from infra.errors import WrongInputError

if TYPE_CHECKING:
    from data_contracts.contract.diff import ContractDifference
    from data_contracts.contract.schema import Problem
    from data_contracts.judgement.limits import IngestLimits
    from flows.context import Context
    from governance.pages.contract_models import ContractPage, FieldRow, RuleRow

IN_FORCE, SUPERSEDED = "in force", "superseded"


class ContractRow(BaseModel):
    """One packaged version of a contract; `rejects`, `fails` and `warns` count its rules."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    status: str
    rejects: int
    fails: int
    warns: int
    about: str


def list_contracts() -> tuple[ContractRow, ...]:
    """Every packaged version of every contract, the one in force first."""
    return tuple(
        _row(load_contract(name, version)) for name in CONTRACT_NAMES for version in reversed(contract_versions(name))
    )


def show_contract(reference: str, context: Context | None, rocu: str | None, html: Path | None) -> ContractPage:
    """A contract in words.

    Args:
        reference: `NAME`, `NAME@VERSION` or a file.
        context: Who asks; needed with `rocu` only.
        rocu: Whose limits to put in; without it, the limits are named, with the defaults beside them.
        html: Where to write the page.

    Raises:
        RefusedError: No permission to read the policy of the ROCU.
        WrongInputError: There is no such contract or ROCU.
    """
    from governance.pages.render import render_contract
    from infra.lake import write_text

    contract = contract_of(reference, is_to_run=True)
    if context is None or rocu is None:
        page = _page(contract, None, "the defaults of the product; a ROCU's policy may set others")
    else:
        limits, origin = _limits_of(context, rocu)
        page = _page(contract, limits, origin)
    if html:
        write_text(html, render_contract(page))
    return page


def compare(before: str, after: str) -> tuple[Contract, Contract, ContractDifference]:
    """Two versions of one contract, and what changed from the first to the second.

    Raises:
        WrongInputError: There is no such contract or file, or they are versions of different contracts.
    """
    from data_contracts.contract.diff import compare_contracts

    a, b = contract_of(before), contract_of(after)
    if a.name != b.name:
        raise WrongInputError(
            f"{a.label} and {b.label} are different contracts.", "Compare two versions of one contract."
        )
    return a, b, compare_contracts(a, b)


def check(file: Path) -> tuple[Problem, ...]:
    """What keeps a file from being run as a contract; nothing, when it can be.

    Raises:
        WrongInputError: There is no such file.
    """
    from data_contracts.contract.check import check_contract
    from data_contracts.intake.names import name_as_delivered

    return check_contract(_content(file), name_as_delivered(file))


def contract_of(reference: str, is_to_run: bool = False) -> Contract:
    """The contract that `NAME`, `NAME@VERSION` or the path of a file names.

    Args:
        reference: What names it.
        is_to_run: A file must hold what this product can run; else it is enough that it can be compared.

    Raises:
        WrongInputError: It names none.
    """
    name, _, version = reference.partition("@")
    if name in CONTRACT_NAMES:
        return load_contract(name, version or None)
    return _contract_in(Path(reference), is_to_run)


def _contract_in(file: Path, is_to_run: bool) -> Contract:
    from data_contracts.contract.check import check_contract, read_document
    from data_contracts.contract.document import parse_contract
    from data_contracts.contract.schema import schema_problems
    from data_contracts.intake.names import path_as_given

    content = _content(file)
    document = read_document(content, path_as_given(file))
    try:
        if any(schema_problems(document)) or (is_to_run and check_contract(content, "", try_rules=False)):
            raise ValueError
        return parse_contract(content)
    except ValueError:
        raise WrongInputError(
            f"{path_as_given(file)} is not a contract that this product knows how to read.",
            f"See all that is wrong with it: findprofile contracts check {path_as_given(file)}",
        ) from None


def _content(file: Path) -> bytes:
    from data_contracts.intake.names import path_as_given

    if not file.is_file():
        raise WrongInputError(
            f"{path_as_given(file)} is neither a packaged contract nor a file.",
            f"Use one of {', '.join(CONTRACT_NAMES)}, a version such as reads@1.0.0, or the path of a file.",
        )
    return file.read_bytes()


def _limits_of(context: Context, rocu: str) -> tuple[IngestLimits, str]:
    from data_contracts.registers.regions import require_rocu
    from flows.context import permit
    from governance.policy.document import load_policy

    permit(context, "history.read", rocu, f"policy of {rocu}")
    require_rocu(rocu, context.now.date())
    loaded = load_policy(context.lake, rocu)
    return loaded.policy.ingest, f"policy {loaded.policy.version} of {rocu} ({loaded.origin})"


def _row(contract: Contract) -> ContractRow:
    severities = [rule.severity for rule in contract.written_rules]
    return ContractRow(
        name=contract.name,
        version=contract.version,
        status=_status(contract),
        rejects=severities.count("reject"),
        fails=severities.count("fail"),
        warns=severities.count("warn"),
        about=_said(contract, "purpose"),
    )


def _status(contract: Contract) -> str:
    current = load_contract(contract.name)
    if contract.text_digest == current.text_digest:
        written = str(contract.document.get("status", "active"))
        return IN_FORCE if written == "active" else f"{IN_FORCE}, {written}"
    return SUPERSEDED if contract.version in contract_versions(contract.name) else "draft"


def _said(contract: Contract, key: str) -> str:
    return " ".join(str((contract.document.get("description") or {}).get(key) or "").split())


def _page(contract: Contract, limits: IngestLimits | None, limits_from: str) -> ContractPage:
    from governance.pages.contract_models import ContractPage

    return ContractPage(
        name=contract.name,
        version=contract.version,
        title=str(contract.document.get("name") or contract.name),
        status=_status(contract),
        versions=contract_versions(contract.name),
        purpose=_said(contract, "purpose"),
        usage=_said(contract, "usage"),
        limitations=_said(contract, "limitations"),
        text_sha256=contract.text_digest,
        limits_from=limits_from,
        delivered=_fields(contract, "delivered"),
        derived=_fields(contract, "derived"),
        tables=tuple(_tables(contract.document)),
        promises=tuple(_promises(contract.document)),
        rules=tuple(_rule(rule, limits, _texts_about(rule, contract)) for rule in contract.written_rules),
    )


def _fields(contract: Contract, origin: str) -> tuple[FieldRow, ...]:
    from governance.pages.contract_models import FieldRow

    return tuple(
        FieldRow(
            table=column.table,
            name=column.name,
            type=column.logical_type,
            required=column.required,
            restricted=column.classification == "restricted",
            meaning=" ".join(column.description.split()),
        )
        for column in contract.columns
        if column.origin == origin
    )


def _tables(document: Any) -> list[Any]:
    from governance.pages.contract_models import TableRow

    return [
        TableRow(
            name=table["name"],
            one_row=table.get("dataGranularityDescription") or "",
            meaning=" ".join((table.get("description") or "").split()),
        )
        for table in document.get("schema") or ()
    ]


def _promises(document: Any) -> list[Any]:
    from governance.pages.contract_models import PromiseRow

    return [
        PromiseRow(
            name=" of ".join(str(sla[key]) for key in ("property", "element") if sla.get(key)),
            value=f"{sla['value']} {sla.get('unit') or ''}".strip(),
            meaning=sla.get("description") or "",
        )
        for sla in document.get("slaProperties") or ()
    ]


def _texts_about(rule: Rule, contract: Contract) -> str:
    """The descriptions of the rule, its column and its table: limits that derivation takes are named there only."""
    tables = [table.get("description") or "" for table in contract.document["schema"] if table["name"] == rule.table]
    looked_at = (rule.table, rule.kwargs.get("column"))
    columns = [column.description for column in contract.columns if (column.table, column.name) == looked_at]
    return " ".join([rule.description, *columns, *tables])


def _rule(rule: Rule, limits: IngestLimits | None, texts: str) -> RuleRow:
    from data_contracts.contract.words import asks_a_flag, value_said, what_is_asked
    from data_contracts.judgement.limits import IngestLimits
    from governance.pages.contract_models import LimitRow, RuleRow

    values = limits or IngestLimits()
    told = [word for word in re.findall(r"\w+", texts) if word in IngestLimits.model_fields]
    return RuleRow(
        name=rule.name,
        dq_number=rule.dq_number,
        severity=rule.severity,
        table=rule.table,
        meaning=" ".join(rule.description.split()),
        asks=what_is_asked(rule if limits is None else rule.with_limits(limits)),
        asks_a_flag=asks_a_flag(rule),
        limits=tuple(
            LimitRow(
                name=name,
                value=value_said(getattr(values, name)),
                meaning=IngestLimits.model_fields[name].description or "",
            )
            for name in dict.fromkeys((*rule.parameters, *told))
        ),
    )
