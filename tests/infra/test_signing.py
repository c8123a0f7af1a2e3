from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from infra.errors import RefusedError, WrongInputError
from infra.keys import private_pem, public_pem
from infra.settings import Settings
from infra.signing import sign_folder, verify_folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    (made / "plots").mkdir(parents=True)
    (made / "model.txt").write_text("tree 1")
    (made / "plots" / "gain.svg").write_text("<svg/>")
    (made / ".gitignore").write_text("*")
    return made


@pytest.fixture
def signature(settings: Settings, folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "model.sig"
    sign_folder(settings, folder, path)
    return path


def test_a_signed_folder_verifies_also_where_it_was_moved_to_and_nothing_is_printed(
    settings: Settings, folder: Path, signature: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify_folder(settings, folder, signature)
    moved = folder.rename(folder.with_name("moved"))
    verify_folder(settings, moved, signature)
    assert capsys.readouterr() == ("", "")


def test_a_signature_inside_the_folder_is_no_file_of_it_and_others_beside_it_are(
    settings: Settings, folder: Path
) -> None:
    inside = folder / "model.sig"
    for _ in range(2):
        sign_folder(settings, folder, inside)
        verify_folder(settings, folder, inside)
    (folder / "other.sig").touch()
    with pytest.raises(RefusedError, match=r"other\.sig"):
        verify_folder(settings, folder, inside)


@pytest.mark.parametrize("name", ["model.txt", "plots/gain.svg", ".gitignore"])
@pytest.mark.parametrize("change", ["changed", "removed", "emptied"])
def test_a_file_that_was_changed_or_removed_is_refused(
    settings: Settings, folder: Path, signature: Path, name: str, change: str
) -> None:
    path = folder / name
    if change == "removed":
        path.unlink()
    else:
        path.write_text("" if change == "emptied" else "tree 2")
    with pytest.raises(RefusedError, match="model does not verify") as refused:
        verify_folder(settings, folder, signature)
    assert change == "removed" or refused.value.reason == f"model does not verify: not as signed: {name}."


@pytest.mark.parametrize("name", ["extra.txt", "plots/extra.svg", ".gitattributes", ".git/config", ".github/x"])
def test_a_file_that_was_added_is_refused(settings: Settings, folder: Path, signature: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("more")
    with pytest.raises(RefusedError, match="model does not verify"):
        verify_folder(settings, folder, signature)


def test_a_link_is_refused_on_both_sides(settings: Settings, folder: Path, signature: Path) -> None:
    (folder / "model.txt").rename(folder.parent / "real.txt")
    (folder / "model.txt").symlink_to(folder.parent / "real.txt")
    with pytest.raises(RefusedError, match="does not verify"):
        verify_folder(settings, folder, signature)
    with pytest.raises(WrongInputError, match="cannot be signed"):
        sign_folder(settings, folder, signature)


def test_a_signature_by_another_key_is_refused(folder: Path, signature: Path, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="Key mismatch"):
        verify_folder(Settings(home=tmp_path / "another"), folder, signature)


def test_a_signature_by_another_key_that_claims_to_be_ours_is_refused(
    settings: Settings, folder: Path, signature: Path, tmp_path: Path
) -> None:
    sign_folder(Settings(home=tmp_path / "another"), folder, tmp_path / "forged.sig")
    ours, forged = (json.loads(path.read_text()) for path in (signature, tmp_path / "forged.sig"))
    forged["verificationMaterial"] = ours["verificationMaterial"]
    signature.write_text(json.dumps(forged))
    with pytest.raises(RefusedError, match="forged"):
        verify_folder(settings, folder, signature)


def test_a_signature_of_another_folder_is_refused(settings: Settings, folder: Path, signature: Path) -> None:
    other = folder.with_name("other")
    other.mkdir()
    (other / "model.txt").write_text("tree 3")
    with pytest.raises(RefusedError, match="does not verify"):
        verify_folder(settings, other, signature)


@pytest.mark.parametrize("content", ["", "{}", "[]", "not json", '{"verificationMaterial": {"publicKey": {}}}'])
def test_a_signature_that_is_none_is_refused(settings: Settings, folder: Path, signature: Path, content: str) -> None:
    signature.write_text(content)
    with pytest.raises(RefusedError, match="not one that can be read"):
        verify_folder(settings, folder, signature)


@pytest.mark.parametrize("lost", ["dsseEnvelope", "mediaType"])
def test_a_signature_that_lost_a_part_is_refused(settings: Settings, folder: Path, signature: Path, lost: str) -> None:
    content = json.loads(signature.read_text())
    del content[lost]
    signature.write_text(json.dumps(content))
    with pytest.raises(RefusedError, match="does not verify"):
        verify_folder(settings, folder, signature)


def test_a_folder_or_a_signature_that_is_missing_is_refused(
    settings: Settings, folder: Path, signature: Path, tmp_path: Path
) -> None:
    with pytest.raises(RefusedError, match="model has no signature"):
        verify_folder(settings, folder, tmp_path / "none.sig")
    with pytest.raises(RefusedError, match="gone is missing"):
        verify_folder(settings, tmp_path / "gone", signature)
    with pytest.raises(WrongInputError, match="no folder gone"):
        sign_folder(settings, tmp_path / "gone", tmp_path / "gone.sig")
    assert not (tmp_path / "gone.sig").exists()


def test_keys_of_the_settings_are_used_and_a_place_that_verifies_cannot_sign(folder: Path, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    (tmp_path / "private.pem").write_bytes(private_pem(key))
    (tmp_path / "public.pem").write_bytes(public_pem(key.public_key()))
    signer = Settings(home=tmp_path / "home", signing_key=tmp_path / "private.pem")
    verifier = Settings(home=tmp_path / "home", signing_public_key=tmp_path / "public.pem")
    sign_folder(signer, folder, tmp_path / "model.sig")
    verify_folder(signer, folder, tmp_path / "model.sig")
    verify_folder(verifier, folder, tmp_path / "model.sig")
    with pytest.raises(RefusedError, match="FINDPROFILE_SIGNING_KEY"):
        sign_folder(verifier, folder, tmp_path / "again.sig")
    assert not (tmp_path / "home").exists()


def test_keys_that_are_no_keys_are_refused(folder: Path, signature: Path, tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("no key")
    (tmp_path / "ed.pem").write_bytes(private_pem(ed25519.Ed25519PrivateKey.generate()))
    for name in ("text.pem", "ed.pem", "gone.pem"):
        with pytest.raises(WrongInputError, match="FINDPROFILE_SIGNING_KEY"):
            sign_folder(Settings(home=tmp_path, signing_key=tmp_path / name), folder, tmp_path / "x.sig")
        with pytest.raises(WrongInputError, match="FINDPROFILE_SIGNING_PUBLIC_KEY"):
            verify_folder(Settings(home=tmp_path, signing_public_key=tmp_path / name), folder, signature)
