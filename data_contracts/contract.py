"""The contracts as values: Open Data Contract Standard documents in `contracts/`, their fields and their rules.

A rule stands once, in the document; this module only reads it and puts the limits in. Running rules is `gx`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal, cast, get_args

from open_data_contract_standard.model import OpenDataContractStandard, SchemaProperty

from data_contracts.limits import IngestLimits

ContractName = Literal["reads", "cameras", "dispositions"]
Severity = Literal["reject", "warn", "fail"]
_PARAMETER = re.compile(r"\$\{\s*(1 - )?(\w+)\s*\}")


@dataclass(frozen=True)
class Rule:
    """One rule: a Great Expectations expectation over one table, and what breaking it does.

    Args:
        name: What the rule reports when it is broken.
        table: The schema object of the contract that it is about.
        severity: reject a row, warn, or fail the batch.
        description: The rule in a sentence.
        expectation: Type of the expectation, `expect_…`.
        kwargs: Its arguments; `mostly` is the share of rows of a batch that must keep the rule.
    """

    name: str
    table: str
    severity: Severity
    description: str
    expectation: str
    kwargs: Mapping[str, Any]

    @property
    def tolerated_share(self) -> float:
        """Share of the rows of a batch that may break the rule before it counts as broken."""
        return 1 - float(self.kwargs.get("mostly", 1))


@dataclass(frozen=True)
class Contract:
    """One contract. `required` and `optional` are the delivered fields, in the order of the document."""

    name: ContractName
    version: str
    text_digest: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    written_rules: tuple[Rule, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """All delivered fields."""
        return self.required + self.optional

    def rules(self, limits: IngestLimits) -> tuple[Rule, ...]:
        """The rules with the limits put in."""
        return tuple(
            replace(rule, kwargs={key: _with_limit(value, limits) for key, value in rule.kwargs.items()})
            for rule in self.written_rules
        )

    def digest(self, limits: IngestLimits) -> str:
        """SHA-256 of the document and the limits: all that decides about a row."""
        return hashlib.sha256(f"{self.text_digest}\n{limits.model_dump_json()}".encode()).hexdigest()


@cache
def load_contract(name: ContractName) -> Contract:
    """One of the packaged contracts.

    Raises:
        ValueError: The document is not what this product can run; a fault of the package, not of a user.
    """
    content = files("data_contracts").joinpath(f"contracts/{name}.odcs.yaml").read_bytes()
    document = OpenDataContractStandard.from_string(content.decode())
    required: list[str] = []
    optional: list[str] = []
    rules: list[Rule] = []
    for table in document.schema_ or []:
        for column in table.properties or []:
            if _origin(column) == "delivered":
                (required if column.required else optional).append(str(column.name))
            rules += [_rule(str(table.name), quality.model_dump()) for quality in column.quality or []]
    if document.version is None or len({rule.name for rule in rules}) < len(rules):
        raise ValueError(f"contract {name}: a version, and rules with names of their own, are needed")
    digest = hashlib.sha256(content).hexdigest()
    return Contract(name, document.version, digest, tuple(required), tuple(optional), tuple(rules))


def _origin(column: SchemaProperty) -> str:
    return next((str(custom.value) for custom in column.customProperties or [] if custom.property == "origin"), "")


def _rule(table: str, quality: dict[str, Any]) -> Rule:
    if quality["engine"] != "greatExpectations" or quality["severity"] not in get_args(Severity):
        raise ValueError(f"rule {quality['name']}: not a greatExpectations rule with a known severity")
    implementation = quality["implementation"]
    if quality["severity"] == "reject" and "mostly" in implementation["kwargs"]:
        raise ValueError(f"rule {quality['name']}: a row cannot be rejected mostly")
    return Rule(
        quality["name"],
        table,
        cast(Severity, quality["severity"]),
        quality["description"],
        implementation["type"],
        implementation["kwargs"],
    )


def _with_limit(value: Any, limits: IngestLimits) -> Any:
    found = _PARAMETER.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    limit = getattr(limits, found.group(2))
    return 1 - limit if found.group(1) else limit
