"""What a version is by definition, written into its signed record: purpose, features, source of the labels, code.

These are what a retrain may not change without a full board. Belongs here: taking them down. Does not: judging a change
(governance).
"""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict

from models.pattern_code import pattern_code_digest


class Definition(BaseModel):
    """What a version is for and made of, beside its data and its knobs.

    Args:
        title: The pattern, for people.
        unit: What one row is about: a vehicle, or a pair of vehicles.
        purpose: What it is for.
        not_for: What it may not be used for.
        label_source: Who says what the labels are, and under which major version of the contract.
        confirmed_means: What the positive label means.
        features: Names in order.
        features_digest: SHA-256 over each feature's name, unit, type and meaning.
        pattern_code: Digest of the code that decides rows, labels and fit.
        finds_and_misses: What its models were seen to find and to miss, and whom they list instead; empty if nobody
            measured it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    unit: str
    purpose: str
    not_for: str
    label_source: str
    confirmed_means: str
    features: tuple[str, ...]
    features_digest: str
    pattern_code: str
    finds_and_misses: str = ""


def define(pattern_name: str) -> Definition:
    """The definition of a pattern as it stands in this code.

    Raises:
        WrongInputError: There is no such pattern.
    """
    from data_contracts.contract.document import contract_versions
    from models.patterns import get_pattern

    pattern = get_pattern(pattern_name)
    major = contract_versions("dispositions")[-1].partition(".")[0]
    told = "\n".join(f"{one.name}|{one.unit}|{one.dtype}|{one.sees}" for one in pattern.features)
    return Definition(
        title=pattern.title,
        unit=pattern.unit,
        purpose=pattern.purpose,
        not_for=pattern.not_for,
        label_source=f"findings of analysts about a {pattern.unit}, contract dispositions, major version {major}",
        confirmed_means=pattern.label,
        features=pattern.feature_names,
        features_digest=hashlib.sha256(told.encode()).hexdigest(),
        pattern_code=pattern_code_digest(pattern_name),
        finds_and_misses=pattern.finds_and_misses,
    )
