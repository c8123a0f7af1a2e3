"""A registered version as its files say it: text, signature and record, once somebody has fetched them.

Belongs here: the folders of a version, and reading them. Does not: where they are fetched from (`registry`), or how a
record is written (`version_record`).
"""

from __future__ import annotations

import hashlib
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.errors import RefusedError, WrongInputError
from infra.lake import file_sha256
from infra.settings import Settings
from models.version_record import RegisteredVersion, VersionRecord, read_record

MODEL_FILE = "model.lgb"
FOLDERS = ("model", "signature", "record", "plots")
SIGNATURE = "model.sig"
SIGNED = "version"
EVERYTHING = ""  # as MLflow names the folder that the others are in


class NoVersionError(WrongInputError):
    """The registry has no version of this name."""


@dataclass(frozen=True)
class VerifiedVersion:
    """A version as one copy of its files says it, over all of which the signature holds."""

    record: VersionRecord
    text: str
    signature_sha256: str


class VersionFiles(ABC):
    """The files of registered versions. Every method raises `FaultError` when what holds them does not answer.

    Args:
        settings: Keys that sign.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @abstractmethod
    def _find(self, model: str, version: str) -> RegisteredVersion:
        """A version; `NoVersionError` if there is none of this name."""

    @abstractmethod
    def _fetch(self, model: str, version: str, what: str, target: Path) -> Path:
        """Fetch one of a version's folders, or `EVERYTHING`, into another; `WrongInputError` without such a version."""

    def model_text(self, model: str, version: str) -> str:
        """The model's text, as registered; the caller holds it against the digest it expects.

        Raises:
            WrongInputError: There is no such version.
        """
        with tempfile.TemporaryDirectory() as temporary:
            return self._fetch(model, version, "model", Path(temporary)).joinpath(MODEL_FILE).read_text("utf-8")

    def verify_signature(self, model: str, version: str) -> None:
        """Check the signature over everything about the version: model, record and plots.

        Raises:
            RefusedError: A file is changed, added or removed, or another key signed.
            WrongInputError: There is no such version.
        """
        with self.verified_files(model, version):
            pass

    @contextmanager
    def verified_files(self, model: str, version: str) -> Iterator[Path]:
        """A copy of all of a version's folders, for the length of a block, once the signature holds over it.

        Raises:
            RefusedError: A file is changed, added or removed, or another key signed.
            WrongInputError: There is no such version.
        """
        from infra.signing import verify_folder

        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / SIGNED
            folder.mkdir()
            self._fetch(model, version, EVERYTHING, folder)
            verify_folder(self._settings, folder, folder / "signature" / SIGNATURE)
            yield folder

    def verified(self, model: str, version: str) -> VerifiedVersion:
        """Record and text of a version, read from the very files over which its signature holds.

        Raises:
            RefusedError: The signature does not hold, or the text is not the record's.
            WrongInputError: There is no such version.
            OtherFormError: The record has not the form of now.
        """
        with self.verified_files(model, version) as folder:
            record = read_record(folder / "record", self._find(model, version))
            content = (folder / "model" / MODEL_FILE).read_bytes()
            if {hashlib.sha256(content).hexdigest()} != {record.model_sha256, record.training.text_sha256}:
                raise RefusedError(
                    f"The text of {model} version {version} is not the one that its record is about.",
                    "Do not use this version; train another, and tell governance.",
                )
            return VerifiedVersion(record, content.decode("utf-8"), file_sha256(folder / "signature" / SIGNATURE))

    def looked_at(self, model: str, version: str) -> tuple[VersionRecord, str]:
        """A version's record for people to look at, whatever its state; and why not to believe it, empty if it holds.

        Raises:
            WrongInputError: There is no such version.
            OtherFormError: The record has not the form of now.
        """
        try:
            return self.verified(model, version).record, ""
        except RefusedError as error:
            return self.record(model, version), error.reason

    def signature_sha256(self, model: str, version: str) -> str:
        """The SHA-256 of the signature over everything about the version.

        Raises:
            WrongInputError: There is no such version.
        """
        with tempfile.TemporaryDirectory() as temporary:
            return file_sha256(self._fetch(model, version, "signature", Path(temporary)) / SIGNATURE)

    def record(self, model: str, version: str) -> VersionRecord:
        """Everything written down about a version.

        Raises:
            WrongInputError: There is no such version.
            OtherFormError: The record has not the form of now.
        """
        known = self._find(model, version)
        with tempfile.TemporaryDirectory() as temporary:
            folder = self._fetch(model, version, "record", Path(temporary))
            return read_record(folder, known)

    def download(self, model: str, version: str, what: str, target: Path) -> Path:
        """Fetch a folder of a version: `model`, `signature`, `record` or `plots`.

        Raises:
            WrongInputError: There is no such version or folder.
        """
        if what not in FOLDERS:
            raise WrongInputError(f"A version has no {what!r}.", f"Name one of {', '.join(FOLDERS)}.")
        return self._fetch(model, version, what, target)
