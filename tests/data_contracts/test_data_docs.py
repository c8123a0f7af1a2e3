"""Data Docs: what Great Expectations draws is what the ingest record says, and it is drawn without anybody's help."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from page_support import Outline, check_asks_nobody

from data_contracts.contract.document import load_contract
from data_contracts.data_docs import NO_LIMITS, batch_docs, rocu_docs
from data_contracts.judgement.limits import IngestLimits
from data_contracts.layers.history import Judged, judgements

LIMITS = IngestLimits(max_quarantine_share=0.9)
VRM = "AB12CDE"


@pytest.fixture(scope="module")
def judged(room_again: Callable[[], Any], row: Callable[..., str]) -> tuple[Judged, ...]:
    """Two batches: one with two bad rows of four, under a name that is markup, and a good one."""
    room = room_again()
    room.ingest(
        room.deliver(
            "<b>first&.csv",
            row(),
            row(vrm="CD34EFG", captured_at="2026-05-18T09:00:00Z", received_at="2026-05-18T09:00:02Z"),
            row(camera_id="CAM-9"),
            row(confidence="140", camera_id="CAM-2"),
        ),
        max_quarantine_share=0.9,
    )
    room.ingest(
        room.deliver("second.csv", row(captured_at="2026-05-19T08:00:00Z", received_at="")), max_quarantine_share=0.9
    )
    return judgements(room.lake, room.rocu)


def line_of(html: str, rule: str) -> str:
    """What the row of the page about a rule says, without markup."""
    (row,) = [part for part in re.findall(r"<tr>.*?</tr>", html, re.DOTALL) if f"<strong>{rule}</strong>" in part]
    icon = "holds" if "fa-check-circle" in row else "broken"
    return icon + " " + " ".join(re.sub(r"<[^>]+>", " ", row).split())


def test_the_page_says_what_the_record_says(judged: tuple[Judged, ...]) -> None:
    html = batch_docs(judged[0], (LIMITS,))
    bad = line_of(html, "camera_not_registered")
    assert bad.startswith("broken")
    assert "1 unexpected values found. 25% of 4 total rows." in bad
    assert line_of(html, "vrm_missing").startswith("holds")
    assert "4 rows = 2 accepted + 2 quarantined + 0 duplicates" in html
    for rule in load_contract("reads", judged[0].record.contract_version).written_rules:
        assert f"<strong>{rule.name}</strong>" in html


def test_limits_are_those_that_judged(judged: tuple[Judged, ...]) -> None:
    strict = IngestLimits(max_quarantine_share=0.01)
    html = batch_docs(judged[0], (strict, LIMITS))
    assert "max_value 0.9" in line_of(html, "too_many_rejected")
    assert NO_LIMITS not in html
    unknown = batch_docs(judged[0], (strict,))
    assert NO_LIMITS in unknown
    assert "max_value max_quarantine_share" in line_of(unknown, "too_many_rejected")
    assert "0.01" not in line_of(unknown, "too_many_rejected")


def test_a_failed_batch_is_refused_by_the_rule_about_batches(room: Any, row: Callable[..., str]) -> None:
    room.ingest(room.deliver("bad.csv", row(), row(camera_id="CAM-9")))
    (failed,) = judgements(room.lake, room.rocu)
    html = batch_docs(failed, (IngestLimits(),))
    assert "Verdict: failed" in html
    assert line_of(html, "too_many_rejected").startswith("broken")


def test_the_page_of_a_rocu_adds_up_and_leads_to_its_batches(judged: tuple[Judged, ...]) -> None:
    html = rocu_docs(judged, (LIMITS,))
    assert "1 unexpected values found. 20% of 5 total rows." in line_of(html, "camera_not_registered")
    links = [attributes["href"] for attributes in Outline(html).named("a")]
    assert {one.page_name for one in judged} <= set(links)


def test_batches_of_another_contract_are_listed_but_not_added(judged: tuple[Judged, ...]) -> None:
    other = replace(judged[0], record=judged[0].record.model_copy(update={"contract_digest": "0" * 64}))
    html = rocu_docs((other, judged[1]), (LIMITS,))
    assert "1 of the batches were judged by another contract or limits" in html
    assert line_of(html, "camera_not_registered").startswith("holds")
    assert other.page_name in html


def test_a_page_asks_nobody_for_anything_and_runs_nothing(judged: tuple[Judged, ...]) -> None:
    for html in (batch_docs(judged[0], (LIMITS,)), batch_docs(judged[0], ()), rocu_docs(judged, ())):
        check_asks_nobody(html)
        assert "://" not in html


def test_names_are_escaped_and_no_vrm_is_told(judged: tuple[Judged, ...]) -> None:
    for html in (batch_docs(judged[0], (LIMITS,)), rocu_docs(judged, (LIMITS,))):
        assert "<b>first" not in html
        assert "&lt;b&gt;first&amp;.csv" in html
        assert VRM not in html
        assert "CD34EFG" not in html


def test_a_page_is_the_same_each_time(judged: tuple[Judged, ...]) -> None:
    assert batch_docs(judged[0], (LIMITS,)) == batch_docs(judged[0], (LIMITS,))
