from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyrage
import pytest

from infra.errors import FaultError, RefusedError, WrongInputError
from infra.lake import Lake
from infra.pseudonyms import load_pseudonymiser
from infra.settings import Settings
from infra.vault import open_sealed, reveal, seal_file, segment_path, write_segment

VRMS = ["AB12CDE", "A123BCD", "AIZ1234"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def lake(settings: Settings) -> Lake:
    return Lake(settings.lake)


def _pairs(settings: Settings, vrms: list[str], rocu: str = "nwrocu") -> pa.Table:
    token = load_pseudonymiser(settings, rocu).token
    return pa.table({"vehicle": [token(vrm) for vrm in vrms], "vrm": vrms})


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_sealed_file_opens_to_the_same_bytes_and_shows_none_of_them(settings: Settings, tmp_path: Path) -> None:
    source, sealed, opened = tmp_path / "a.csv", tmp_path / "deep" / "a.csv.age", tmp_path / "b.csv"
    source.write_bytes(b"vrm\nAB12CDE\n" * 50_000)
    seal_file(settings, source, sealed)
    assert b"AB12CDE" not in sealed.read_bytes()
    open_sealed(settings, sealed, opened)
    assert opened.read_bytes() == source.read_bytes()
    assert opened.stat().st_mode & 0o777 == 0o600


def test_an_empty_file_can_be_sealed(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    seal_file(settings, tmp_path / "empty", tmp_path / "empty.age")
    open_sealed(settings, tmp_path / "empty.age", tmp_path / "opened")
    assert (tmp_path / "opened").read_bytes() == b""


@pytest.mark.parametrize("damage", ["head", "middle", "end", "cut", "longer", "empty", "plain"])
def test_a_sealed_file_that_was_changed_is_refused_and_leaves_nothing(
    settings: Settings, tmp_path: Path, damage: str
) -> None:
    source, sealed = tmp_path / "a.csv", tmp_path / "a.age"
    source.write_bytes(b"x" * 200_000)
    seal_file(settings, source, sealed)
    content = bytearray(sealed.read_bytes())
    if damage in ("head", "middle", "end"):
        content[{"head": 30, "middle": len(content) // 2, "end": -1}[damage]] ^= 1
    sealed.write_bytes(
        {"cut": content[:-70_000], "longer": content + b"x", "empty": b"", "plain": source.read_bytes()}.get(
            damage, bytes(content)
        )
    )
    with pytest.raises(RefusedError, match="changed, cut short"):
        open_sealed(settings, sealed, tmp_path / "out" / "opened")
    assert _files(tmp_path / "out") == []


def test_sealing_needs_only_the_recipient_and_opening_says_what_is_missing(settings: Settings, tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    sealer = Settings(home=tmp_path / "sealer", vault_recipient=str(identity.to_public()))
    (tmp_path / "a").write_text("AB12CDE")
    seal_file(sealer, tmp_path / "a", tmp_path / "a.age")
    with pytest.raises(RefusedError, match="FINDPROFILE_VAULT_IDENTITY"):
        open_sealed(sealer, tmp_path / "a.age", tmp_path / "b")
    assert not sealer.keys.exists()
    opener = Settings(home=tmp_path / "opener", vault_identity=str(identity))
    open_sealed(opener, tmp_path / "a.age", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "AB12CDE"
    with pytest.raises(RefusedError, match="another recipient"):
        open_sealed(
            Settings(home=tmp_path, vault_identity=str(pyrage.x25519.Identity.generate())),
            tmp_path / "a.age",
            tmp_path / "c",
        )


def test_without_its_private_key_the_embedded_vault_still_seals_and_does_not_open(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("AB12CDE")
    seal_file(settings, tmp_path / "a", tmp_path / "a.age")
    (settings.keys / "vault_identity.txt").rename(tmp_path / "kept elsewhere")
    seal_file(settings, tmp_path / "a", tmp_path / "a.age")
    with pytest.raises(RefusedError, match="FINDPROFILE_VAULT_IDENTITY"):
        open_sealed(settings, tmp_path / "a.age", tmp_path / "b")


def test_keys_that_are_not_keys_are_refused_without_being_shown(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(WrongInputError, match="FINDPROFILE_VAULT_RECIPIENT"):
        seal_file(Settings(home=tmp_path, vault_recipient="age1nonsense"), tmp_path / "a", tmp_path / "b")
    with pytest.raises(WrongInputError, match="FINDPROFILE_VAULT_IDENTITY") as caught:
        open_sealed(Settings(home=tmp_path, vault_identity="AGE-SECRET-KEY-1WRONG"), tmp_path / "a", tmp_path / "b")
    assert "WRONG" not in str(caught.value)


def test_a_file_that_is_not_there_is_said_so(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match="No such file") as caught:
        seal_file(settings, tmp_path / "AB12CDE.csv", tmp_path / "b")
    assert "AB12CDE" not in str(caught.value)
    (tmp_path / "a").touch()
    seal_file(settings, tmp_path / "a", tmp_path / "a.age")
    with pytest.raises(WrongInputError, match=r"gone\.age"):
        open_sealed(settings, tmp_path / "gone.age", tmp_path / "b")


def test_a_file_that_is_not_the_one_that_was_meant_is_not_sealed(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    with pytest.raises(FaultError, match="changed"):
        seal_file(settings, tmp_path / "a", tmp_path / "a.age", "0" * 64)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a"]


def test_a_big_file_is_sealed_in_little_memory(settings: Settings, tmp_path: Path) -> None:
    source = tmp_path / "big"
    with source.open("wb") as stream:
        stream.truncate(120_000_000)
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from infra.settings import Settings\n"
        "from infra.vault import seal_file\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "seal_file(Settings(home=Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    grown = subprocess.run(
        [sys.executable, "-c", script, settings.home, source, tmp_path / "big.age"],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    ).stdout
    assert int(grown) < 50_000
    assert (tmp_path / "big.age").stat().st_size > 120_000_000


def test_a_file_that_cannot_be_written_whole_keeps_its_own_error_and_leaves_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"x" * 200_000)
    seal_file(settings, source, tmp_path / "warm.age")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            seal_file(settings, source, tmp_path / "out" / "a.age")
        with pytest.raises(OSError, match="File too large"):
            open_sealed(settings, tmp_path / "warm.age", tmp_path / "out" / "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _files(tmp_path / "out") == []


def test_a_revealed_token_gives_its_vrm_from_the_batches_that_are_named(settings: Settings, lake: Lake) -> None:
    path = write_segment(settings, lake, "nwrocu", "b1", _pairs(settings, VRMS[:2]))
    write_segment(settings, lake, "nwrocu", "b2", _pairs(settings, VRMS[1:]))
    tokens = {vrm: load_pseudonymiser(settings, "nwrocu").token(vrm) for vrm in VRMS}
    assert path == settings.lake / "vault" / "rocu=nwrocu" / "b1.parquet.age"
    wanted = {tokens["AB12CDE"]: ["b1", "b2"], tokens["AIZ1234"]: ["b2"]}
    assert reveal(settings, lake, "nwrocu", wanted) == {tokens["AB12CDE"]: "AB12CDE", tokens["AIZ1234"]: "AIZ1234"}
    assert reveal(settings, lake, "nwrocu", {tokens["AIZ1234"]: ["b1", "gone"]}) == {}
    assert reveal(settings, lake, "tarian", wanted) == {}
    assert reveal(settings, lake, "nwrocu", {}) == {}


def test_no_file_of_the_lake_shows_a_vrm(settings: Settings, lake: Lake) -> None:
    write_segment(settings, lake, "nwrocu", "b1", _pairs(settings, VRMS))
    for path in _files(settings.lake):
        assert not any(vrm.encode() in path.read_bytes() for vrm in VRMS)


def test_a_segment_written_again_is_replaced_whole(settings: Settings, lake: Lake) -> None:
    table = _pairs(settings, VRMS)
    for _ in range(2):
        write_segment(settings, lake, "nwrocu", "b1", table)
    assert len(_files(settings.lake)) == 1
    token = table["vehicle"][0].as_py()
    assert reveal(settings, lake, "nwrocu", {token: ["b1"]}) == {token: "AB12CDE"}


def test_a_tampered_segment_is_refused(settings: Settings, lake: Lake) -> None:
    table = _pairs(settings, VRMS)
    path = write_segment(settings, lake, "nwrocu", "b1", table)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(RefusedError, match=r"b1\.parquet\.age was changed"):
        reveal(settings, lake, "nwrocu", {table["vehicle"][0].as_py(): ["b1"]})


def test_a_sealed_file_that_is_no_segment_is_refused(settings: Settings, lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("not parquet")
    seal_file(settings, tmp_path / "a", segment_path(lake, "nwrocu", "b1"))
    with pytest.raises(RefusedError, match="was changed"):
        reveal(settings, lake, "nwrocu", {"bcdf": ["b1"]})


def test_a_segment_that_someone_replaced_with_another_vehicle_is_refused(settings: Settings, lake: Lake) -> None:
    table = _pairs(settings, VRMS[:1])
    forged = table.set_column(1, "vrm", [["AB12CDF"]])
    write_segment(settings, lake, "nwrocu", "b1", forged)
    with pytest.raises(RefusedError, match="does not give its token") as caught:
        reveal(settings, lake, "nwrocu", {table["vehicle"][0].as_py(): ["b1"]})
    assert "AB12" not in str(caught.value)


def test_reveal_without_the_private_key_is_refused(lake: Lake, tmp_path: Path) -> None:
    sealer = Settings(home=tmp_path, vault_recipient=str(pyrage.x25519.Identity.generate().to_public()))
    with pytest.raises(RefusedError, match="FINDPROFILE_VAULT_IDENTITY"):
        reveal(sealer, lake, "nwrocu", {"bcdf": ["b1"]})
