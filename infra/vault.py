"""The vault: the only place that can lead from a vehicle token back to a VRM, sealed with age.

Sealing needs the public recipient alone, so the process that ingests cannot read what it sealed. Belongs here: sealed
files (landing) and sealed segments (token and VRM, one a batch). Does not: who may open the vault, or the record of it.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyrage

from infra.errors import FaultError, RefusedError, WrongInputError
from infra.keys import key_file
from infra.lake import Lake, placed, write_text
from infra.pseudonyms import load_pseudonymiser
from infra.settings import Settings

SEGMENT_SCHEMA = pa.schema([("vehicle", pa.string()), ("vrm", pa.string())])
_IDENTITY_FILE = "vault_identity.txt"
_RECIPIENT_FILE = "vault_recipient.txt"


def seal_file(settings: Settings, source: Path, target: Path, sha256: str | None = None) -> None:
    """Seal a file to the vault's recipient, in blocks: memory does not grow with the file.

    Its name is not told, as there may be a plate in it.

    Args:
        settings: Give the recipient.
        source: The file.
        target: Where the sealed file goes; it is put there whole or not at all.
        sha256: What the file's bytes must be, in hex; None if that is not known.

    Raises:
        WrongInputError: The source cannot be read, or the recipient of the settings is not an age public key.
        FaultError: No space is left, or the file is not (any longer) the one with that digest.
    """
    recipient = _recipient(settings)
    try:
        plain = source.open("rb")
    except OSError as error:
        raise WrongInputError(
            f"The file to seal cannot be read: {error.strerror}.", "Check that it is still there and may be read."
        ) from None
    with plain, placed(target) as temporary, temporary.open("wb") as sealed:
        reader = _Reader(plain)
        _encrypt(recipient, reader, sealed)
        if sha256 is not None and reader.sha256 != sha256:
            raise FaultError(
                "The file to seal changed while it was read.", "Run the same command again once it is whole."
            )


def open_sealed(settings: Settings, source: Path, target: Path) -> None:
    """Open a sealed file into a file that only its owner can read; nothing is left if the sealed file is not whole.

    Raises:
        RefusedError: This process has no private key, the file was changed, or it was sealed to another recipient.
        WrongInputError: The sealed file is not there.
    """
    identity = _identity(settings)
    with placed(target) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as plain:
            _decrypt(identity, source, plain)


def open_sealed_into(settings: Settings, source: Path, plain: BinaryIO) -> None:
    """Open a sealed file into a stream, for content that must not lie on a disk.

    Raises:
        RefusedError: This process has no private key, the file was changed, or it was sealed to another recipient.
        WrongInputError: The sealed file is not there.
    """
    _decrypt(_identity(settings), source, plain)


def segment_path(lake: Lake, rocu: str, batch_id: str) -> Path:
    """Where the sealed pairs of a batch lie."""
    return lake.folder("vault", rocu) / f"{batch_id}.parquet.age"


def write_segment(settings: Settings, lake: Lake, rocu: str, batch_id: str, table: pa.Table) -> Path:
    """Seal the pairs of one batch; writing them again replaces them.

    Args:
        settings: Gives the recipient.
        lake: Where the vault lies.
        rocu: Code of the ROCU, lower case.
        batch_id: The batch that the pairs came with.
        table: Columns `vehicle` (token) and `vrm` (the text that the token was made of), both text, one row per token.

    Raises:
        FaultError: No space is left.
    """
    return seal_segment(settings, lake, rocu, batch_id, pack_segment(table.select(SEGMENT_SCHEMA.names).to_batches()))


def pack_segment(blocks: Iterable[pa.RecordBatch]) -> io.BytesIO:
    """The pairs of one batch as `seal_segment` takes them; columns as in `SEGMENT_SCHEMA`. Not to be put on a disk."""
    plain = io.BytesIO()
    # each pair is there once, so a dictionary would be the column again
    with pq.ParquetWriter(plain, SEGMENT_SCHEMA, compression="zstd", use_dictionary=False) as writer:
        for block in blocks:
            writer.write_batch(block.cast(SEGMENT_SCHEMA))
    plain.seek(0)
    return plain


def seal_segment(settings: Settings, lake: Lake, rocu: str, batch_id: str, plain: io.BytesIO) -> Path:
    """Seal packed pairs as the segment of a batch; sealing it again replaces it. May run beside others.

    Raises:
        FaultError: No space is left.
    """
    path = segment_path(lake, rocu, batch_id)
    with placed(path) as temporary, temporary.open("wb") as sealed:
        _encrypt(_recipient(settings), plain, sealed)
    return path


def read_segment(settings: Settings, lake: Lake, rocu: str, batch_id: str) -> pa.Table:
    """All pairs of one batch, with the columns of `SEGMENT_SCHEMA`; none if it has no segment.

    Raises:
        RefusedError: This process has no private key, or the segment was changed or sealed to another key.
    """
    path = segment_path(lake, rocu, batch_id)
    return _segment(_identity(settings), path) if path.is_file() else SEGMENT_SCHEMA.empty_table()


def reveal(settings: Settings, lake: Lake, rocu: str, wanted: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The VRMs of tokens. Asks nobody's permission and records nothing: the caller does both first.

    Anyone who can write to the lake can seal to a public recipient, so each pair is checked against the ROCU's key.

    Args:
        settings: Gives the private key and the pseudonym key.
        lake: Where the vault lies.
        rocu: Code of the ROCU, lower case.
        wanted: For each token the batches in which it was read.

    Returns:
        VRM by token; a token that none of its batches holds (any longer) is left out.

    Raises:
        RefusedError: This process has no private key, or a segment was changed, replaced or sealed to another key.
    """
    identity = _identity(settings)
    tokens_of: dict[str, set[str]] = defaultdict(set)
    for token, batch_ids in wanted.items():
        for batch_id in batch_ids:
            tokens_of[batch_id].add(token)
    found: dict[str, str] = {}
    for batch_id, tokens in sorted(tokens_of.items()):
        path = segment_path(lake, rocu, batch_id)
        if path.is_file():
            found.update(_pairs(identity, path, tokens))
    _require_true(settings, rocu, found)
    return found


def _segment(identity: pyrage.x25519.Identity, path: Path) -> pa.Table:
    plain = io.BytesIO()
    _decrypt(identity, path, plain)
    plain.seek(0)
    try:
        return pq.read_table(plain, schema=SEGMENT_SCHEMA)
    except pa.ArrowInvalid:
        raise _changed(path) from None


def _pairs(identity: pyrage.x25519.Identity, path: Path, tokens: set[str]) -> dict[str, str]:
    table = _segment(identity, path)
    rows = table.filter(pc.is_in(table["vehicle"], value_set=pa.array(sorted(tokens), pa.string())))
    return dict(zip(rows["vehicle"].to_pylist(), rows["vrm"].to_pylist(), strict=True))


def _require_true(settings: Settings, rocu: str, found: Mapping[str, str]) -> None:
    pseudonymiser = load_pseudonymiser(settings, rocu)
    if any(vrm is None or pseudonymiser.token(vrm) != token for token, vrm in found.items()):
        raise RefusedError(
            "A vault segment holds a VRM that does not give its token.",
            "Check that FINDPROFILE_PSEUDONYM_KEY is the key that made the tokens; if it is, restore the segment.",
        )


class _Reader:
    """Hands bytes on and keeps their digest."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read from the stream."""
        content = self._stream.read(size)
        self._sum.update(content)
        return content

    @property
    def sha256(self) -> str:
        """The digest of all that was read."""
        return self._sum.hexdigest()


class _Writer:
    """Hands bytes on and keeps the stream's own error, which age would turn into a text without a number."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, content: bytes) -> int:
        """Write to the stream."""
        try:
            return self._stream.write(content)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()


def _encrypt(recipient: pyrage.x25519.Recipient, plain: BinaryIO | _Reader, sealed: BinaryIO) -> None:
    writer = _Writer(sealed)
    try:
        pyrage.encrypt_io(plain, writer, [recipient])
    except pyrage.EncryptError as error:
        raise writer.error or OSError(str(error)) from None


def _decrypt(identity: pyrage.x25519.Identity, source: Path, plain: BinaryIO) -> None:
    writer = _Writer(plain)
    try:
        with source.open("rb") as sealed:
            pyrage.decrypt_io(sealed, writer, [identity])
    except FileNotFoundError:
        raise WrongInputError(f"There is no sealed file {source.name}.", "Check the path.") from None
    except (pyrage.DecryptError, OSError) as error:
        if writer.error is not None:
            raise writer.error from None
        # age reports a broken block as an OSError without a number
        if getattr(error, "errno", None) is None:
            raise _changed(source) from None
        raise


def _changed(path: Path) -> RefusedError:
    return RefusedError(
        f"The sealed file {path.name} was changed, cut short, or sealed to another recipient.",
        "Restore it, or set FINDPROFILE_VAULT_IDENTITY to the private key that it was sealed for.",
    )


def _recipient(settings: Settings) -> pyrage.x25519.Recipient:
    if settings.vault_recipient is None and settings.vault_identity is not None:
        return _identity(settings).to_public()
    text = settings.vault_recipient or _embedded_recipient(settings).read_text(encoding="ascii")
    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise WrongInputError(
            "The vault's recipient is not an age public key.", "Set FINDPROFILE_VAULT_RECIPIENT to the text age1…"
        ) from None


def _embedded_recipient(settings: Settings) -> Path:
    path = settings.keys / _RECIPIENT_FILE
    if not path.exists():
        made = key_file(settings, _IDENTITY_FILE, lambda: str(pyrage.x25519.Identity.generate()).encode())
        identity = pyrage.x25519.Identity.from_str(made.read_text(encoding="ascii").strip())
        write_text(path, f"{identity.to_public()}\n")
    return path


def _identity(settings: Settings) -> pyrage.x25519.Identity:
    if settings.vault_identity is not None:
        text = settings.vault_identity.get_secret_value()
    else:
        text = _embedded_identity(settings)
    try:
        return pyrage.x25519.Identity.from_str(text.strip())
    except pyrage.IdentityError:
        raise WrongInputError(
            "The vault's identity is not an age private key.",
            "Set FINDPROFILE_VAULT_IDENTITY to the text AGE-SECRET-KEY-1…",
        ) from None


def _embedded_identity(settings: Settings) -> str:
    path = settings.keys / _IDENTITY_FILE
    if settings.vault_recipient is not None or not path.exists():
        raise RefusedError(
            "This process cannot open the vault: it has no private key.",
            "Set FINDPROFILE_VAULT_IDENTITY where the vault may be opened.",
        )
    return key_file(settings, _IDENTITY_FILE, bytes).read_text(encoding="ascii")
