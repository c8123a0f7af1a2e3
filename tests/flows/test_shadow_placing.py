"""Two processes that make the same run in shadow: whoever finds the other's list takes nothing away from it."""

from __future__ import annotations

from pathlib import Path

from flows.steps.shadow import _in_place
from infra.lake import file_sha256, placed


def test_a_list_that_another_process_is_about_to_put_in_place_is_copied_and_not_moved(tmp_path: Path) -> None:
    target = tmp_path / "scores.parquet"
    with placed(target) as temporary:
        temporary.write_bytes(b"a list")
        recorded = frozenset({file_sha256(temporary)})
        target.write_bytes(b"of nobody")
        assert _in_place(target, recorded) == b"a list"
        assert target.read_bytes() == b"a list"
    assert _in_place(target, recorded) == b"a list"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_what_is_not_on_record_is_not_put_in_place(tmp_path: Path) -> None:
    target = tmp_path / "scores.parquet"
    with placed(target) as temporary:
        temporary.write_bytes(b"a list")
        assert _in_place(target, frozenset({"a" * 64})) is None
        assert not target.exists()
