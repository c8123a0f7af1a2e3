"""A command that looks, typed where no home is, says so and makes none; one that a home begins with says where."""

from __future__ import annotations

from pathlib import Path

import pytest
from loop_support import AS_OF, MODEL, run

from flows.cli.options import session
from infra.errors import WrongInputError

HERE = ("--rocu", "nwrocu")


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> str:
    home = tmp_path_factory.mktemp("elsewhere") / "home"
    said = run(home, "token", "issue", "--name", "Nell Ames", "--role", "operator", *HERE)
    assert (said.code, f"a new home begins at {home}" in said.err) == (0, True), said.err
    assert "a new home" not in run(home, "token", "issue", "--name", "Nell Ames", "--role", "operator", *HERE).err
    return said.out.strip()


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("models", "list"),
        ("models", "compare", MODEL, "1", "2"),
        ("audit", "verify"),
        ("audit", "search"),
        ("lineage", MODEL, "1"),
        ("batches", "list", *HERE),
        ("policy", "show", *HERE),
        ("scores", *HERE, "--as-of", AS_OF),
        ("score", *HERE, "--as-of", AS_OF),
        ("promote", "history", MODEL),
        ("promote", "suspend", MODEL, "--reason", "it must stop"),
    ],
    ids=" ".join,
)
def test_no_home_is_told_and_none_is_made(tmp_path: Path, signed: str, command: tuple[str, ...]) -> None:
    nowhere, empty = tmp_path / "nowhere", tmp_path / "empty"
    empty.mkdir()
    for token in (signed, None):
        for folder in (nowhere, empty):
            said = run(folder, *command, token=token)
            assert (said.code, said.out) == (2, "")
            assert f"There is no home at {folder}, where FINDPROFILE_HOME points." in said.err
            assert "findprofile demo" in said.err
        assert (nowhere.exists(), list(empty.iterdir())) == (False, [])


def test_without_the_setting_it_is_looked_for_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FINDPROFILE_HOME", raising=False)
    with pytest.raises(WrongInputError, match=r"at .*/\.findprofile, in the current folder, since FINDPROFILE_HOME is"):
        session()
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_begins_a_home_says_where(tmp_path: Path, signed: str) -> None:
    home = tmp_path / "new"
    said = run(home, "cameras", "load", tmp_path / "cameras.csv", *HERE, token=signed)
    assert f"a new home begins at {home}" in said.err
    assert said.code == 1  # the token is another home's
    assert home.exists()


def test_a_command_that_is_refused_before_it_begins_a_home_says_of_none(tmp_path: Path) -> None:
    said = run(tmp_path / "new", "cameras", "load", tmp_path / "cameras.csv", *HERE)
    assert (said.code, "Nobody is signed in" in said.err, "a new home" in said.err) == (1, True, False)
    assert not (tmp_path / "new").exists()
