from __future__ import annotations

from page_support import Outline
from record_page import graph, model_record, sha

from governance.pages.render import render_lineage, render_model_record


def test_the_model_record_shows_who_approved_who_was_refused_and_why() -> None:
    html = render_model_record(model_record())
    for text in ("Ruth Okafor", "Ian Price", "may not approve it", sha("e"), sha("m"), "at least 0.10", "train@nwrocu"):
        assert text in html
    for i in range(28):
        assert sha(f"l{i}") in html


def test_a_record_of_a_version_that_nobody_judged_says_so() -> None:
    html = render_model_record(
        model_record(
            status="challenger", gate=(), figures=(), decisions=(), plots=(), lineage=None, dvc_lock="", batches=()
        )
    )
    assert "Nobody has asked for this version to be promoted." in html
    assert "The gate has not judged this version." in html


def test_the_record_shows_each_group_with_its_counts_and_whether_it_was_judged() -> None:
    html = render_model_record(model_record())
    for text in ("camera density", "dense: over 6 cameras", "too few", "2.22", "all the same to the bit"):
        assert text in html


def test_a_record_without_trials_says_that_they_are_missing() -> None:
    html = render_model_record(model_record(trials=(), groups=()))
    assert "parity, leakage, fairness and robustness are not measured" in html
    assert "<p>Not measured.</p>" in html


def test_dozens_of_parts_become_one_box() -> None:
    svg = render_lineage(graph(60), "m")
    assert "60 parts of reads" in svg
    assert len(Outline(svg).named("rect")) < 15
