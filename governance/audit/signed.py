"""Small signed files beside the audit log: a frozen model, signed with an audit key over its canonical JSON."""

from __future__ import annotations

import base64
import json
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.audit.keys import AuditKeys, fingerprint
from governance.canonical import canonical_json


class Signed(BaseModel):
    """What a machine says about its log, under its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    later: ClassVar[tuple[str, ...]] = ()
    """Fields that were added to the form: without a value they are not signed, as in what was written before them."""

    key: str = Field(default="", description="SHA-256 of the public key that signs")
    signature: str = Field(default="", description="Ed25519 over the canonical JSON of the other fields, base64")

    def signed_part(self) -> bytes:
        """The bytes that the signature covers."""
        left_out = {"signature", *(name for name in self.later if not getattr(self, name))}
        return canonical_json(self.model_dump(mode="json", exclude=left_out)).encode()

    def signed_by(self, keys: AuditKeys) -> Self:
        """The same, signed with a machine's own key."""
        named = self.model_copy(update={"key": fingerprint(keys.own.public_key())})
        return named.model_copy(update={"signature": base64.b64encode(keys.own.sign(named.signed_part())).decode()})

    @classmethod
    def read(cls, text: str, key: Ed25519PublicKey) -> Self | None:
        """What a text says if this key signed it; `None` if it did not, or the text is something else."""
        try:
            said = cls.model_validate(json.loads(text))
            key.verify(base64.b64decode(said.signature), said.signed_part())
        except (ValueError, ValidationError, InvalidSignature):
            return None
        return said
