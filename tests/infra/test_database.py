from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from process_support import of_a_prepared_process
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

import infra.database
from infra.database import open_database, writing
from infra.errors import FaultError, WrongInputError
from infra.settings import Settings

WRITERS, TURNS = 3, 8


@pytest.fixture(scope="module")
def postgres_url(postgresql: Callable[[], str]) -> str:
    return postgresql()


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return Settings(home=tmp_path / "home")
    return Settings(home=tmp_path / "home", database_url=request.getfixturevalue("postgres_url"))


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    opened = open_database(settings)
    with writing(opened) as connection:
        connection.execute(text("DROP TABLE IF EXISTS chain"))
        connection.execute(text("CREATE TABLE chain (place INTEGER NOT NULL)"))
    yield opened
    opened.dispose()


def _places(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return [row.place for row in connection.execute(text("SELECT place FROM chain ORDER BY place"))]


def _append_in_turns(url: str) -> None:
    engine = open_database(Settings(database_url=url))
    for _ in range(TURNS):
        with writing(engine) as connection:
            last = connection.execute(text("SELECT coalesce(max(place), 0) FROM chain")).scalar_one()
            connection.execute(text("INSERT INTO chain VALUES (:place)"), {"place": last + 1})
    engine.dispose()


def test_writers_in_several_processes_take_turns_and_none_reads_what_another_changes(
    engine: Engine, settings: Settings
) -> None:
    context = of_a_prepared_process()
    writers = [context.Process(target=_append_in_turns, args=(settings.database,)) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    assert _places(engine) == list(range(1, WRITERS * TURNS + 1))


def test_a_block_that_fails_writes_nothing(engine: Engine) -> None:
    def fail() -> None:
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO chain VALUES (1)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert _places(engine) == []


def test_a_database_that_stays_busy_is_a_fault(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(infra.database, "BUSY_SECONDS", 1)
    impatient = open_database(settings)
    with writing(engine), pytest.raises(FaultError, match="busy"), writing(impatient):
        pass
    impatient.dispose()


def test_a_reader_is_not_held_up_by_a_writer(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO chain VALUES (1)"))
        assert _places(engine) == []
    assert _places(engine) == [1]


def test_sqlite_keeps_foreign_keys_and_a_log_for_readers(tmp_path: Path) -> None:
    engine = open_database(Settings(home=tmp_path / "not" / "there" / "yet"))
    with writing(engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        connection.execute(text("CREATE TABLE a (id INTEGER PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE b (a INTEGER REFERENCES a (id))"))
        with pytest.raises(IntegrityError):
            connection.execute(text("INSERT INTO b VALUES (1)"))
    engine.dispose()


def test_a_database_that_is_not_there_is_a_fault_and_its_password_stays_unsaid(tmp_path: Path) -> None:
    with pytest.raises(FaultError, match=r"127\.0\.0\.1:1 does not answer") as caught:
        open_database(Settings(home=tmp_path, database_url="postgresql://someone:secret@127.0.0.1:1/state"))
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_text("not a database, but long enough to be taken for one by its name " * 20)
    with pytest.raises(FaultError, match=r"state\.db does not answer"):
        open_database(Settings(home=tmp_path))


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FaultError, match="does not answer"):
        open_database(Settings(home=tmp_path / "file" / "home"))


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://root:secret@localhost/x", "duckdb:///x", "", "postgresql://u:secret@localhost:port/x"]
)
def test_a_url_of_another_kind_is_refused(tmp_path: Path, url: str) -> None:
    wrong = Settings(home=tmp_path, database_url=url or "://")
    with pytest.raises(WrongInputError, match="FINDPROFILE_DATABASE_URL") as caught:
        open_database(wrong)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_log_that_would_end_with_the_command_is_not_begun(tmp_path: Path, url: str) -> None:
    with pytest.raises(WrongInputError, match="names no file"):
        open_database(Settings(home=tmp_path, database_url=url))
