"""The contracts as values: Open Data Contract Standard documents in `contracts/`, their columns and their rules.

A rule stands once, in the document; this module only reads it and puts the limits in. Running rules is `gx`, holding
one version against another `diff`, and saying what is wrong with a draft `check`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal, cast, get_args

import yaml

from data_contracts.judgement.limits import IngestLimits
from infra.errors import WrongInputError

ContractName = Literal["reads", "cameras", "dispositions"]
Severity = Literal["reject", "warn", "fail"]
Origin = Literal["delivered", "derived"]
CONTRACT_NAMES: tuple[ContractName, ...] = get_args(ContractName)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
CONTRACT_IDS: Mapping[ContractName, str] = {name: f"find-and-profile.{name}" for name in CONTRACT_NAMES}
PARAMETER = re.compile(r"\$\{\s*(1 - )?(\w+)\s*\}")
NAME_OF_ID = {contract_id: name for name, contract_id in CONTRACT_IDS.items()}
_QUICK = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
QUALITY_NUMBERS = tuple(f"DQ{number:02d}" for number in range(1, 16))
_QUALITY_NUMBER = re.compile(r"DQ\d\d")


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
        dq_number: The data-quality numbers that it answers for (`tags: [DQ02]` in the document), joined by blanks.
    """

    name: str
    table: str
    severity: Severity
    description: str
    expectation: str
    kwargs: Mapping[str, Any]
    dq_number: str = ""

    @property
    def tolerated_share(self) -> float:
        """Share of the rows of a batch that may break the rule before it counts as broken."""
        return 1 - float(self.kwargs.get("mostly", 1))

    def with_limits(self, limits: IngestLimits) -> Rule:
        """The rule with the limits put in."""
        return replace(self, kwargs={key: _with_limit(value, limits) for key, value in self.kwargs.items()})

    @property
    def parameters(self) -> tuple[str, ...]:
        """The limits that its arguments name, in their order."""
        return tuple(dict.fromkeys(name for value in self.kwargs.values() for name in named_limits(value)))


@dataclass(frozen=True)
class Column:
    """One column of a table: delivered by a supplier, or derived by this product so that a rule can look at it."""

    table: str
    name: str
    logical_type: str
    required: bool
    origin: Origin
    description: str
    classification: str = ""


@dataclass(frozen=True)
class Contract:
    """One version of one contract. `required` and `optional` are the delivered fields, in the order of the document.

    `document` is the whole document as it was parsed; nothing in it may be changed.
    """

    name: ContractName
    version: str
    text_digest: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    written_rules: tuple[Rule, ...]
    columns: tuple[Column, ...]
    document: Mapping[str, Any]

    @property
    def fields(self) -> tuple[str, ...]:
        """All delivered fields."""
        return self.required + self.optional

    @property
    def label(self) -> str:
        """The name and the version, as the command line takes them."""
        return f"{self.name}@{self.version}"

    def rules(self, limits: IngestLimits) -> tuple[Rule, ...]:
        """The rules with the limits put in."""
        return tuple(rule.with_limits(limits) for rule in self.written_rules)

    def digest(self, limits: IngestLimits) -> str:
        """SHA-256 of the document and the limits: all that decides about a row."""
        return hashlib.sha256(f"{self.text_digest}\n{limits.model_dump_json()}".encode()).hexdigest()


@cache
def rules_that_warn() -> frozenset[str]:
    """Names of the rules of the contracts in force that set no row apart and fail no batch."""
    return frozenset(
        rule.name for name in CONTRACT_NAMES for rule in load_contract(name).written_rules if rule.severity == "warn"
    )


def load_contract(name: ContractName, version: str | None = None) -> Contract:
    """One of the packaged contracts: the version in force, or an older one.

    Raises:
        WrongInputError: There is no such version.
        ValueError: The document is not what this product can run; a fault of the package, not of a user.
    """
    folder = files("data_contracts").joinpath("contracts")
    current = _packaged(folder.joinpath(f"{name}.odcs.yaml").read_bytes())
    if version in (None, current.version):
        return current
    if version not in _old_versions(name, folder):
        raise WrongInputError(
            f"There is no version {version} of the contract {name}.",
            f"Name one of {', '.join(contract_versions(name))}.",
        )
    return _packaged(folder.joinpath(f"history/{name}-{version}.odcs.yaml").read_bytes())


@lru_cache(maxsize=32)
def _packaged(content: bytes) -> Contract:
    """What one of our own documents says never changes, and each run asks for it several times."""
    return parse_contract(content, packaged=True)


def contract_versions(name: ContractName) -> tuple[str, ...]:
    """The packaged versions of a contract, oldest first; the last is the one in force."""
    old = _old_versions(name, files("data_contracts").joinpath("contracts"))
    return (*sorted(old, key=version_numbers), load_contract(name).version)


def version_numbers(version: str) -> tuple[int, int, int]:
    """The three numbers of a semantic version.

    Raises:
        ValueError: It is not three numbers with dots between.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ValueError(f"{version!r} is not a version such as 2.0.1")
    return int(found[1]), int(found[2]), int(found[3])


def parse_contract(content: bytes, packaged: bool = False) -> Contract:
    """The contract that a document describes.

    Args:
        content: The document.
        packaged: It is one of ours: libyaml reads it in a tenth of the time, and is not asked about anybody else's.

    Raises:
        ValueError: It does not have the shape that this product runs. `check` says all that is wrong with it.
    """
    from open_data_contract_standard.model import OpenDataContractStandard

    try:
        document = yaml.load(content, Loader=_QUICK if packaged else yaml.SafeLoader)  # noqa: S506 - both are safe
        OpenDataContractStandard.model_validate(document)
        return _contract(document, hashlib.sha256(content).hexdigest())
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a contract that this product can run: {error}") from None


def _contract(document: Mapping[str, Any], digest: str) -> Contract:
    version = str(document["version"])
    version_numbers(version)
    columns = tuple(_columns(document))
    rules = tuple(read_rule(table, quality) for table, quality in written_qualities(document))
    name = NAME_OF_ID.get(document["id"])
    if name is None or len({rule.name for rule in rules}) < len(rules):
        raise ValueError(f"{document['id']}: a known id, and rules with names of their own, are needed")
    delivered = [column for column in columns if column.origin == "delivered"]
    return Contract(
        name=name,
        version=version,
        text_digest=digest,
        required=tuple(column.name for column in delivered if column.required),
        optional=tuple(column.name for column in delivered if not column.required),
        written_rules=rules,
        columns=columns,
        document=document,
    )


def written_qualities(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every quality entry with the name of its table, in the order of the document: a table's columns, then its own."""
    for table in document.get("schema") or ():
        for column in table.get("properties") or ():
            yield from ((table["name"], quality) for quality in column.get("quality") or ())
        yield from ((table["name"], quality) for quality in table.get("quality") or ())


def origin_of(column: Mapping[str, Any]) -> str:
    """Where a column comes from, as its custom property `origin` says."""
    found = (custom["value"] for custom in column.get("customProperties") or () if custom["property"] == "origin")
    return str(next(found, ""))


def named_limits(value: Any) -> tuple[str, ...]:
    """The limits that an argument of a rule names."""
    return tuple(found[1] for found in PARAMETER.findall(value)) if isinstance(value, str) else ()


def _columns(document: Mapping[str, Any]) -> Iterator[Column]:
    for table in document.get("schema") or ():
        for column in table.get("properties") or ():
            if origin_of(column) not in get_args(Origin):
                raise ValueError(f"column {column['name']}: delivered or derived?")
            yield Column(
                table=table["name"],
                name=column["name"],
                logical_type=column["logicalType"],
                required=bool(column.get("required", False)),
                origin=cast(Origin, origin_of(column)),
                description=column.get("description", ""),
                classification=column.get("classification", ""),
            )


def read_rule(table: str, quality: Mapping[str, Any]) -> Rule:
    """The rule that a quality entry of a document describes.

    Raises:
        ValueError: It is not one that this product runs.
    """
    if quality["engine"] != "greatExpectations" or quality["severity"] not in SEVERITIES:
        raise ValueError(f"rule {quality['name']}: not a greatExpectations rule with a known severity")
    implementation = quality["implementation"]
    if not isinstance(implementation["type"], str) or not isinstance(implementation["kwargs"], dict):
        raise ValueError(f"rule {quality['name']}: no expectation with arguments")
    if quality["severity"] == "reject" and "mostly" in implementation["kwargs"]:
        raise ValueError(f"rule {quality['name']}: a row cannot be rejected mostly")
    return Rule(
        quality["name"],
        table,
        cast(Severity, quality["severity"]),
        quality["description"],
        implementation["type"],
        implementation["kwargs"],
        " ".join(tag for tag in quality.get("tags") or () if _QUALITY_NUMBER.fullmatch(tag)),
    )


def _old_versions(name: str, folder: Traversable) -> set[str]:
    history = folder.joinpath("history")
    if not history.is_dir():
        return set()
    held = (item.name.removesuffix(".odcs.yaml") for item in history.iterdir() if item.name.endswith(".odcs.yaml"))
    return {stem.removeprefix(f"{name}-") for stem in held if stem.startswith(f"{name}-")}


def _with_limit(value: Any, limits: IngestLimits) -> Any:
    found = PARAMETER.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    limit = getattr(limits, found.group(2))
    return 1 - limit if found.group(1) else limit
