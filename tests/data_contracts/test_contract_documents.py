"""The contracts are documents of the Open Data Contract Standard that a person can read and the product can run."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from data_contracts.contract.document import load_contract
from data_contracts.judgement.limits import IngestLimits

NAMES = ["reads", "cameras", "dispositions"]


@pytest.mark.parametrize("name", NAMES)
def test_the_document_is_valid_and_says_what_each_column_and_rule_is(name):
    text = files("data_contracts").joinpath(f"contracts/{name}.odcs.yaml").read_text(encoding="utf-8")
    document = OpenDataContractStandard.from_string(text)
    assert (document.kind, document.apiVersion[:2]) == ("DataContract", "v3")
    assert re.fullmatch(r"\d+\.\d+\.\d+", document.version)
    assert document.description.purpose
    for table in document.schema_:
        assert table.description
        for column in table.properties:
            assert column.description, column.name
            assert column.customProperties[0].value in ("delivered", "derived")
            for rule in column.quality or []:
                assert rule.description.endswith("."), rule.name
                assert rule.severity in ("reject", "warn", "fail")
                assert (rule.type, rule.engine) == ("custom", "greatExpectations")
                assert rule.implementation["kwargs"]["column"] == column.name


@pytest.mark.parametrize("name", NAMES)
def test_limits_are_put_in(name):
    rules = load_contract(name).rules(IngestLimits(clock_skew_max_s=42, max_unknown_format_share=0.25))
    assert not [rule.name for rule in rules for value in rule.kwargs.values() if "$" in str(value)]
    for rule in rules:
        if rule.name in ("captured_in_future", "decided_in_future"):
            assert rule.kwargs["max_value"] == 42
        if rule.name == "plate_format_unknown":
            assert rule.tolerated_share == 0.25


def test_the_digest_names_the_document_and_the_limits():
    contract = load_contract("reads")
    assert contract.digest(IngestLimits()) == contract.digest(IngestLimits())
    assert contract.digest(IngestLimits()) != contract.digest(IngestLimits(retention_days=90))


def test_what_a_supplier_must_and_may_deliver():
    contract = load_contract("reads")
    assert contract.required == ("vrm", "captured_at", "camera_id")
    assert set(contract.optional) >= {"confidence", "motion_toward_camera", "feed_id", "source_id", "received_at"}
    assert load_contract("cameras").required == ("camera_id", "latitude", "longitude", "valid_from")
    assert load_contract("dispositions").required == ("vrm", "window_end", "finding", "decided_at")
