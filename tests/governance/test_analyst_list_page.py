from __future__ import annotations

import pytest
from analyst_page import TOKEN, analyst_list
from pydantic import ValidationError

from governance.pages.models import AnalystRow
from governance.pages.render import render_analyst_list


def test_facts_and_cautions_come_before_the_assessment() -> None:
    html = render_analyst_list(analyst_list())
    first = html.index("the reads may be wrong"), html.index("7 trips of over 60 km"), html.index("rank 1, score 0.913")
    assert list(first) == sorted(first)
    assert "Most vehicles that look odd are innocent" in html
    assert "suspect" not in html.lower()


def test_an_empty_list_is_a_list() -> None:
    assert "No vehicle was ranked." in render_analyst_list(analyst_list(rows=()))


def test_rows_are_called_what_they_are_and_the_lives_that_look_so_are_named() -> None:
    html = render_analyst_list(analyst_list(unit="pair", shared_by="Couples and clubs", drawn=1))
    for said in ("Most pairs that look odd", "Couples and clubs share most", "Pairs ranked", "1 of these pairs"):
        assert said in html
    assert "Couriers" not in html
    assert html.count(">Pair <code>") == 2
    assert ">Vehicle <code>" not in html


def test_words_of_sentences_are_explained_before_them_or_not_at_all() -> None:
    html = render_analyst_list(analyst_list(words=(("trip", "out & back"), ("base", "home"))))
    assert html.index("What words mean here: trip, base") < html.index("<dt>trip</dt><dd>out &amp; back</dd>")
    assert html.index("<dt>base</dt>") < html.index("7 trips of over 60 km")
    assert "What words mean" not in render_analyst_list(analyst_list())


def test_a_page_takes_no_unknown_field() -> None:
    with pytest.raises(ValidationError):
        AnalystRow.model_validate({"rank": 1, "vehicle": TOKEN, "facts": (), "score": "1", "vrm": "x"})
