from __future__ import annotations

import multiprocessing
import secrets
from pathlib import Path

import pytest
from process_support import of_a_prepared_process

from infra.errors import RefusedError, WrongInputError
from infra.keys import key_file, pseudonym_master_key
from infra.settings import Settings


def _make_key(home: str, start: multiprocessing.synchronize.Barrier, answers: multiprocessing.Queue) -> None:
    start.wait()
    answers.put(key_file(Settings(home=Path(home)), "raced.key", lambda: secrets.token_bytes(32)).read_bytes())


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    first = key_file(settings, "some.key", lambda: b"first")
    again = key_file(settings, "some.key", lambda: b"second")
    assert first == again
    assert again.read_bytes() == b"first"
    assert first.stat().st_mode & 0o777 == 0o600
    assert settings.keys.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in settings.keys.iterdir()] == ["some.key"]


def test_processes_that_race_get_the_same_whole_key(tmp_path: Path) -> None:
    context = of_a_prepared_process()
    start, answers = context.Barrier(3), context.Queue()
    racers = [context.Process(target=_make_key, args=(str(tmp_path), start, answers)) for _ in range(3)]
    for racer in racers:
        racer.start()
    keys = {answers.get(timeout=20) for _ in racers}
    for racer in racers:
        racer.join()
    assert len(keys) == 1
    assert len(keys.pop()) == 32


@pytest.mark.parametrize("which", ["file", "folder"])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, which: str) -> None:
    settings = Settings(home=tmp_path)
    path = key_file(settings, "some.key", lambda: b"content")
    (path if which == "file" else path.parent).chmod(0o755)
    with pytest.raises(RefusedError, match="can be read by others"):
        key_file(settings, "some.key", lambda: b"content")


def test_the_settings_give_the_pseudonym_key_before_the_file_does(tmp_path: Path) -> None:
    embedded = pseudonym_master_key(Settings(home=tmp_path))
    given = pseudonym_master_key(Settings(home=tmp_path, pseudonym_key="ab" * 32))
    assert given == b"\xab" * 32
    assert embedded != given
    assert embedded == pseudonym_master_key(Settings(home=tmp_path))


@pytest.mark.parametrize("key", ["ab" * 31, "not hex at all", " "])
def test_a_pseudonym_key_that_is_weak_or_not_hex_is_refused_without_being_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(WrongInputError, match="FINDPROFILE_PSEUDONYM_KEY") as caught:
        pseudonym_master_key(Settings(home=tmp_path, pseudonym_key=key))
    assert key.strip() == "" or key not in str(caught.value)
