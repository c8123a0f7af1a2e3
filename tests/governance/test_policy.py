"""Policies: strict, versioned, laid over the packaged default, and refused when touched behind one's back."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from governance.policy.document import (
    PACKAGED,
    LoadedPolicy,
    RocuPolicy,
    load_policy,
    packaged_policy,
    read_policy,
    store_policy,
)
from governance.policy.gate_limits import GateLimits
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.lake import Lake
from models.features.pairs import ConvoySettings
from models.features.settings import PatternSettings
from models.training_settings import TrainingSettings


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "nwrocu.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("name", ["default", "demo", "vast"])
def test_the_packaged_policies_are_valid_and_need_two_people(name: str) -> None:
    loaded = packaged_policy(name)
    assert loaded.policy.approvers_needed >= 2
    assert loaded.digest == loaded.policy.digest
    assert loaded.policy.pattern("county_lines")


def test_every_value_of_the_default_says_where_it_comes_from() -> None:
    previous = ""
    for line in (PACKAGED / "default.yaml").read_text().splitlines():
        key, _, value = line.partition(":")
        named = not key.lstrip().startswith(("#", "-")) and value.split("#")[0].strip()
        assert not named or "#" in line or previous.lstrip().startswith("#") or "example" in key, line
        previous = line


def test_without_a_file_of_its_own_a_rocu_has_the_default(lake: Lake, default_policy: LoadedPolicy) -> None:
    assert load_policy(lake, "nwrocu") == default_policy


def test_a_file_says_only_what_differs(lake: Lake, tmp_path: Path, default_policy: LoadedPolicy) -> None:
    file = write(tmp_path, 'version: "nw-2"\ncapacity: 35\ngate:\n  min_average_precision: 0.4\n')
    loaded = store_policy(lake, "nwrocu", file)
    assert loaded == load_policy(lake, "nwrocu")
    assert loaded.origin == "nwrocu.yaml (loaded for nwrocu)"
    assert (loaded.policy.version, loaded.policy.capacity) == ("nw-2", 35)
    assert loaded.policy.gate == default_policy.policy.gate.model_copy(update={"min_average_precision": 0.4})
    assert loaded.policy.training == default_policy.policy.training
    assert loaded.digest != default_policy.digest
    assert load_policy(lake, "nerocu") == default_policy


def test_comments_do_not_change_the_digest_and_values_do(tmp_path: Path) -> None:
    plain = read_policy(write(tmp_path, "capacity: 35\n"))
    assert read_policy(write(tmp_path, "# why\ncapacity: 35 # because\n")).digest == plain.digest
    assert read_policy(write(tmp_path, "capacity: 36\n")).digest != plain.digest


def test_a_later_file_takes_the_place_of_an_earlier_one(lake: Lake, tmp_path: Path) -> None:
    store_policy(lake, "nwrocu", write(tmp_path, "capacity: 35\n"))
    store_policy(lake, "nwrocu", write(tmp_path, "capacity: 36\n"))
    assert load_policy(lake, "nwrocu").policy.capacity == 36
    assert len(list(lake.folder("policies", "nwrocu").glob("*.yaml"))) == 2


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("capasity: 20", "capasity"),
        ("gate: {min_avarage_precision: 0.1}", "gate.min_avarage_precision"),
        ("ingest: {retention_days: 4000}", "ingest.retention_days"),
        ("approval_valid_days: 1000000000", "approval_valid_days"),
        ("request_valid_days: 1000000000", "request_valid_days"),
        ("syops_valid_days: 1000000000", "syops_valid_days"),
        ("token_max_age_hours: 1000000000.0", "token_max_age_hours"),
        ("monitoring: {labels: {look_back_days: 1000000000}}", "monitoring.labels.look_back_days"),
        ("patterns: {county_lines: {away_kms: 3}}", "away_kms"),
        ("patterns: {burglary: {}}", "burglary"),
        ("training: {trees: many}", "training.trees"),
        ("tuning: {l2: {low: 0}}", "tuning.l2"),
        ("tuning: {leaves: {low: -3}}", "tuning.leaves"),
        ('capacity: "20"', "capacity"),
        ("capacity: 0", "capacity"),
        ("ingest: {clock_skew_max_s: 99999999}", "ingest.clock_skew_max_s"),
        ("ingest: {clock_skew_max_s: .inf}", "ingest.clock_skew_max_s"),
        ("ingest: {lateness_p95_max_s_by_feed: {mobile: 99999999}}", "ingest.lateness_p95_max_s_by_feed.mobile"),
        ("vault: {max_tokens: 1000000}", "vault.max_tokens"),
        ("approvers_needed: 1", "approvers_needed"),
        ("gate: {min_average_precision: 0.0}", "gate.min_average_precision"),
        ("gate: {max_calibration_error: .nan}", "gate.max_calibration_error"),
        ("gate: null", "gate"),
        ("version: 2", "version"),
        ("vault: {authority_format: '['}", "vault.authority_format"),
        ("vault: {authority_format: '.*'}", "takes an empty text"),
        ("vault: {purposes: []}", "vault.purposes"),
        ("vault: {purposes: ['']}", "vault.purposes"),
        ("runs: {age_bands: [{up_to_days: null, purposes: ['']}]}", "runs.age_bands"),
        ("gate: {fairness_min_expected: .inf}", "gate.fairness_min_expected"),
        ("change_plan: {window_ends: {low: .nan, high: .nan}}", "change_plan.window_ends"),
        ("patterns: {county_lines: {away_km: 999999999999999999999}}", "away_km"),
        ("patterns: {county_lines: {min_speed_kmh: 1000000000}}", "min_speed_kmh"),
        ("training: {seed: 99999999999}", "training.seed"),
        ("approvers_needed: 99999999999", "approvers_needed"),
        ("capacity: 20\ncapacity: 30", "twice"),
        ("gate: {min_holdout_positives: 1, min_holdout_positives: 2}", "twice"),
        ("- capacity", "not a mapping"),
        ("", "not a mapping"),
        ("ingest: {min_history_weeks: 7}", "no camera's volume would ever be judged"),
        ("ingest: {max_volume_share: 11}", "max_volume_share"),
        ("capacity: [", "YAML"),
    ],
)
def test_what_is_not_a_policy_is_wrong_input_that_names_the_key(
    lake: Lake, tmp_path: Path, default_policy: LoadedPolicy, text: str, names: str
) -> None:
    with pytest.raises(WrongInputError) as refusal:
        store_policy(lake, "nwrocu", write(tmp_path, text))
    assert names in refusal.value.reason
    assert load_policy(lake, "nwrocu") == default_policy


def test_every_limit_of_ingest_has_an_end_both_ways() -> None:
    """What is a number and has none could be set so that its rule never says anything again."""
    import annotated_types as bound

    from data_contracts.judgement.limits import IngestLimits

    for name, field in IngestLimits.model_fields.items():
        if field.annotation in (int, float):
            kinds = {type(one) for one in field.metadata}
            assert kinds & {bound.Ge, bound.Gt}, name
            assert kinds & {bound.Le, bound.Lt}, name


@pytest.mark.parametrize("kind", [RocuPolicy, GateLimits, TrainingSettings, PatternSettings, ConvoySettings])
def test_every_number_of_a_policy_has_an_end(kind: type[BaseModel]) -> None:
    """A number without one makes windows that no engine can compute, or a rule of the gate that never says no."""
    import annotated_types as bound

    for name, field in kind.model_fields.items():
        if field.annotation in (int, float):
            assert {type(one) for one in field.metadata} & {bound.Le, bound.Lt}, name


def test_where_an_end_switches_a_rule_off_the_limit_says_so() -> None:
    """The rules let no share pass 1 or fall below 0, so that at these ends none is ever broken."""
    from importlib.resources import files

    import annotated_types as bound

    from data_contracts.judgement.limits import IngestLimits

    contract = files("data_contracts").joinpath("contracts/reads.odcs.yaml").read_text(encoding="utf-8")
    off = set()
    for kind, end, ends in (("max_value", bound.Le(1), "1"), ("min_value", bound.Ge(0), "0")):
        for name in re.findall(rf'_share, {kind}: "\$\{{(\w+)\}}"', contract):
            field = IngestLimits.model_fields[name]
            if end in field.metadata:
                off.add(name)
                assert field.description
                assert field.description.endswith(f"; {ends} switches the rule off"), name
    assert {"max_quarantine_share", "max_late_share", "min_volume_share"} <= off


def test_a_policy_stored_before_there_were_bounds_is_told_and_can_be_replaced(lake: Lake, tmp_path: Path) -> None:
    store_policy(lake, "nwrocu", write(tmp_path, "ingest: {clock_skew_max_s: 600}\n"))
    folder = lake.folder("policies", "nwrocu")
    old = "ingest: {clock_skew_max_s: 99999999}\n"
    digest = hashlib.sha256(old.encode()).hexdigest()
    (folder / f"{digest}.yaml").write_text(old)
    (folder / "current.json").write_text(f'{{"file": "old.yaml", "sha256": "{digest}"}}')
    with pytest.raises(WrongInputError, match="clock_skew_max_s"):
        load_policy(lake, "nwrocu")
    store_policy(lake, "nwrocu", write(tmp_path, "ingest: {clock_skew_max_s: 900}\n"))
    assert load_policy(lake, "nwrocu").policy.ingest.clock_skew_max_s == 900


def test_a_missing_file_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match="no policy file"):
        read_policy(tmp_path / "nothing.yaml")


def test_a_stored_policy_that_was_changed_in_the_lake_is_refused(lake: Lake, tmp_path: Path) -> None:
    store_policy(lake, "nwrocu", write(tmp_path, "capacity: 35\n"))
    stored = next(lake.folder("policies", "nwrocu").glob("*.yaml"))
    stored.write_text("capacity: 36\n")
    with pytest.raises(RefusedError, match="changed in the lake"):
        load_policy(lake, "nwrocu")
    stored.unlink()
    with pytest.raises(FaultError, match="gone"):
        load_policy(lake, "nwrocu")


def test_an_unknown_pattern_is_wrong_input_that_names_the_known_ones(default_policy: LoadedPolicy) -> None:
    with pytest.raises(WrongInputError, match="county_lines"):
        default_policy.policy.pattern("burglary")


@pytest.mark.parametrize("reference", ["CL/2026/0042", "OP-1234", "AUTH/2026/001", "NWROCU/CL/2026/17", "CL-7"])
def test_the_authority_format_takes_references(default_policy: LoadedPolicy, reference: str) -> None:
    import re

    assert re.fullmatch(default_policy.policy.vault.authority_format, reference)


@pytest.mark.parametrize("reference", ["", "because", "asked by the boss", "AB12CDE", "2026", "/1", "cl/1", "CL/"])
def test_the_authority_format_takes_nothing_else(default_policy: LoadedPolicy, reference: str) -> None:
    import re

    assert not re.fullmatch(default_policy.policy.vault.authority_format, reference)


def test_the_example_of_the_authority_matches(default_policy: LoadedPolicy) -> None:
    import re

    rules = default_policy.policy.vault
    assert re.fullmatch(rules.authority_format, rules.authority_example)


def test_every_key_of_a_policy_stands_in_the_default_file(default_policy: LoadedPolicy) -> None:
    written: dict[str, Any] = yaml.safe_load((PACKAGED / "default.yaml").read_text())
    assert set(written) == set(type(default_policy.policy).model_fields)
    assert set(written["gate"]) == set(type(default_policy.policy.gate).model_fields)


def test_a_file_that_is_not_utf_8_is_wrong_input_wherever_it_is_read(lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / "nwrocu.yaml"
    file.write_bytes(b"capacity: 35 # caf\xe9\n")
    for read in (read_policy, lambda path: store_policy(lake, "nwrocu", path)):
        with pytest.raises(WrongInputError, match="is not UTF-8: byte 19"):
            read(file)
    assert load_policy(lake, "nwrocu") == packaged_policy("default")
