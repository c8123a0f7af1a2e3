"""Opening a profile by the command line: the page's numbers from the reads, the log before the page, every refusal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from loop_support import AS_OF, Loop, Said

WHY = ("--purpose", "investigation", "--authority", "CL/2026/0042")


def opened(loop: Loop, who: str, vehicle: str, *more: str | Path, rocu: str = "nwrocu", why: Any = WHY) -> Said:
    return loop(who, "profile", "--rocu", rocu, "--as-of", AS_OF, "--vehicle", vehicle, *why, *more)


def log(loop: Loop) -> list[dict[str, Any]]:
    found = loop.done("auditor", "audit", "search", "--action", "profile.read", "--last", "500", "--json").data
    return sorted(found, key=lambda row: row["seq"])


@pytest.fixture(scope="module")
def first(in_force: Loop) -> dict[str, Any]:
    """The first vehicle of the list, as the scores layer has it."""
    (scores,) = (in_force.home / "lake" / "scores").rglob(f"as_of={AS_OF}/*/scores.parquet")
    row: dict[str, Any] = pq.ParquetFile(scores).read().slice(0, 1).to_pylist()[0]
    return row


def reads(loop: Loop, vehicle: str) -> list[tuple[Any, ...]]:
    parts = str(loop.home / "lake" / "reads" / "rocu=nwrocu" / "*" / "*.parquet")
    with duckdb.connect() as connection:
        return connection.execute(
            "SELECT captured_at, camera_id, batch_id, row_no FROM read_parquet(?, hive_partitioning = false)"
            " WHERE vehicle = ? AND captured_at >= '2026-03-09' AND captured_at < '2026-04-06' ORDER BY ALL",
            [parts, vehicle],
        ).fetchall()


def text_of(page: Path) -> str:
    html = re.sub(r"<style>.*?</style>", "", page.read_text(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_page_has_the_reads_first_and_then_the_score(in_force: Loop, first: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "profile.html"
    said = opened(in_force, "governance", first["vehicle"], "--html", page, "--json")
    assert said.code == 0, said.err
    own, text = reads(in_force, first["vehicle"]), text_of(page)
    assert said.data["reads"] == len(own)
    assert f"{len(own)} reads by {len({row[1] for row in own})} camera" in text
    assert [(read["batch_id"], read["row_no"]) for read in said.data["facts"]["reads"]] == [row[2:] for row in own]
    for batch in {row[2] for row in own}:
        assert batch in text
    assert text.index("What was seen") < text.index("The assessment") < text.index(f"{first['score']:.4f}")
    assert f"Rank {first['rank']}" in text
    assert first["run_id"] in text
    for sentence in (*first["reasons"], *first["against"]):
        assert sentence in text
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|url\(["']?https?:|@import|<script""", page.read_text())


def test_who_reviews_sees_neither_rank_nor_score_as_on_the_list(
    in_force: Loop, first: dict[str, Any], tmp_path: Path
) -> None:
    """The list that they review has vehicles drawn at random, and nothing may tell which."""
    page = tmp_path / "profile.html"
    said = opened(in_force, "analyst", first["vehicle"], "--html", page, "--json")
    assert (said.data["rank"], said.data["score"]) == (None, None)
    assert said.data["raised"] == list(first["reasons"])
    for text in (text_of(page), opened(in_force, "analyst", first["vehicle"], "--html", page).out):
        assert f"{first['score']:.4f}" not in text
        assert "ank and score are not shown to those who review" in text
        assert first["run_id"] in text
    assert "Rank 1" not in text_of(page)


def test_it_is_read_in_order_facts_look_alikes_assessment(in_force: Loop, first: dict[str, Any]) -> None:
    said = opened(in_force, "governance", first["vehicle"])
    score = f"rank {first['rank']}, score {first['score']:.4f}"
    order = ["What was seen", "reads, ", "Look-alikes to rule out", "rule it out: ", "The assessment", score]
    assert [said.out.index(part) for part in order] == sorted(said.out.index(part) for part in order)
    text = text_of(Path(said.out.split("profile ")[-1].strip()))
    order = ["What was seen", "Look-alikes to rule out", "The assessment Made", f"{first['score']:.4f}"]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)


def test_the_opening_is_in_the_log_before_anything_and_says_why(in_force: Loop, first: dict[str, Any]) -> None:
    before = len(log(in_force))
    said = opened(in_force, "governance", first["vehicle"])
    assert said.code == 0, said.err
    (row,) = log(in_force)[before:]
    assert (row["object"], row["outcome"], row["operation"]) == (first["vehicle"], "done", "consultation")
    assert (row["purpose"], row["authority"], row["actor_name"]) == ("investigation", "CL/2026/0042", "Gwen Shaw")
    page = Path(said.out.split("profile ")[-1].strip())
    assert page.is_file()
    assert {"rocu=nwrocu", "pattern=county_lines"} <= set(page.parts)


@pytest.mark.parametrize(
    ("who", "why", "word"),
    [
        ("operator", WHY, "may not do profile.read"),
        ("engineer", WHY, "may not do profile.read"),
        ("auditor", WHY, "may not do profile.read"),
        ("analyst", ("--purpose", "curiosity", "--authority", "CL/2026/0042"), "purpose"),
        ("analyst", ("--purpose", "investigation", "--authority", "because"), "authority"),
    ],
)
def test_refusals_are_recorded_and_show_nothing(
    in_force: Loop, first: dict[str, Any], tmp_path: Path, who: str, why: tuple[str, ...], word: str
) -> None:
    before, page = len(log(in_force)), tmp_path / "profile.html"
    said = opened(in_force, who, first["vehicle"], "--html", page, why=why)
    assert said.code == 1
    assert word in said.err
    assert not page.exists()
    assert said.out == ""
    assert [row["outcome"] for row in log(in_force)[before:]] == ["refused"]


def test_another_rocus_vehicles_stay_shut(in_force: Loop, first: dict[str, Any]) -> None:
    from loop_support import run, token

    before = len(log(in_force))
    stranger = token(in_force.home, "analyst", "yhrocu")
    arguments = ("profile", "--rocu", "nwrocu", "--as-of", AS_OF, "--vehicle", first["vehicle"], *WHY)
    said = run(in_force.home, *arguments, token=stranger)
    assert (said.code, said.out) == (1, "")
    assert "not for nwrocu" in said.err
    assert [row["outcome"] for row in log(in_force)[before:]] == ["refused"]
    # and by the way of its own region the vehicle is not there
    own = run(in_force.home, *("yhrocu" if part == "nwrocu" else part for part in arguments), token=stranger)
    assert (own.code, own.out) == (2, "")


def test_an_unknown_vehicle_a_day_without_reads_and_a_pair(in_force: Loop, first: dict[str, Any]) -> None:
    unknown = opened(in_force, "analyst", "b" * 32)
    assert unknown.code == 2
    assert "nothing to show" in unknown.err
    assert [row["outcome"] for row in log(in_force)[-2:]] == ["done", "failed"]
    early = in_force(
        "analyst", "profile", "--rocu", "nwrocu", "--as-of", "2025-01-05", "--vehicle", first["vehicle"], *WHY
    )
    assert early.code == 2
    assert early.err == unknown.err
    pair = opened(in_force, "analyst", f"{first['vehicle']}+{'b' * 32}")
    assert pair.code == 2
    assert "pair" in pair.err
    plate = opened(in_force, "analyst", "AB12CDE")
    assert plate.code == 2
    assert "AB12CDE" not in plate.err


def test_a_day_without_a_list_still_shows_the_facts(in_force: Loop, first: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "profile.html"
    said = in_force(
        "analyst", "profile", "--rocu", "nwrocu", "--as-of", "2026-04-02", "--vehicle", first["vehicle"], *WHY,
        "--html", page, "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert said.data["rank"] is None
    assert "There is no assessment of this vehicle" in text_of(page)
    assert "Places and journeys" in text_of(page)


def test_a_list_that_the_log_does_not_know_is_not_shown(
    in_force: Loop, first: dict[str, Any], changed: Any, tmp_path: Path
) -> None:
    (scores,) = (in_force.home / "lake" / "scores").rglob(f"as_of={AS_OF}/*/scores.parquet")
    table = pq.ParquetFile(scores).read()
    forged = tmp_path / "forged.parquet"
    pq.write_table(table.slice(1), forged)
    changed(scores, forged.read_bytes())
    page = tmp_path / "profile.html"
    assert opened(in_force, "analyst", first["vehicle"], "--html", page).code == 0
    assert "not the one that the audit log says was made" in text_of(page)
    assert f"{first['score']:.4f}" not in text_of(page)


def test_suggested_plates_are_shown_and_notes_that_were_changed_are_refused(
    in_force: Loop, changed: Any, tmp_path: Path
) -> None:
    parts = sorted((in_force.home / "lake" / "notes" / "rocu=nwrocu").glob("*.parquet"))
    with duckdb.connect() as connection:
        vehicle, other, confusion, file = connection.execute(
            "SELECT vehicle, other_vehicle, confusion, filename FROM read_parquet(?, filename = true) AS notes"
            " WHERE other_vehicle IS NOT NULL AND captured_at >= '2026-03-09' AND captured_at < '2026-04-06'"
            " ORDER BY ALL LIMIT 1",
            [list(map(str, parts))],
        ).fetchall()[0]
    page = tmp_path / "profile.html"
    said = opened(in_force, "analyst", vehicle, "--html", page, "--json")
    assert said.code == 0, said.err
    noted = [note for note in said.data["facts"]["faults"]["noted"] if note["other_vehicle"] == other]
    assert confusion in {note["confusion"] for note in noted}
    text = text_of(page)
    assert text.index(other) < text.index("Places and journeys") < text.index("assessment", text.index("Places and"))
    page.unlink()
    changed(Path(file), Path(file).read_bytes()[:-9] + b"corrupted")
    spoilt = opened(in_force, "analyst", vehicle, "--html", page)
    assert spoilt.code == 1
    assert "was changed after it was ingested" in spoilt.err
    assert not page.exists()
