"""Vehicle tokens: a keyed hash of the VRM, one key per ROCU, the same in Python and in DuckDB SQL.

A token is HMAC-SHA256 cut to 128 bits and written in consonants, so that no token can be taken for a plate. Belongs
here: the token. Does not: which VRM a text means (plate grammar), nor the way back (the vault).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from infra.errors import WrongInputError
from infra.keys import pseudonym_master_key
from infra.settings import Settings

HEX_DIGITS = "0123456789abcdef"
CONSONANTS = "bcdfghjklmnpqrst"
TOKEN_LENGTH = 32
_TO_TOKEN = str.maketrans(HEX_DIGITS, CONSONANTS)
_LETTERS = np.zeros(256, np.uint8)
_LETTERS[list(HEX_DIGITS.encode())] = list(CONSONANTS.encode())
_IN_CONSONANTS = "hex_in_consonants"
_BLOCK_BYTES = 64
_ROCU = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Pseudonymiser:
    """Makes the tokens of one ROCU.

    Args:
        rocu: Code of the ROCU, lower case.
        key: The ROCU's key, at most 64 bytes.
    """

    rocu: str
    key: bytes = field(repr=False)

    def token(self, vrm: str) -> str:
        """The token of a normalised VRM: 32 lower-case consonants."""
        digest = hmac.new(self.key, vrm.encode(), hashlib.sha256).hexdigest()
        return digest[:TOKEN_LENGTH].translate(_TO_TOKEN)

    def install(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make `sql` work on this connection (and not on its cursors: each needs its own).

        The two HMAC pads go in as bound values, so no statement, and so no error message of DuckDB, holds the key.
        `EXPLAIN` of an installed expression does show them: never print a plan.
        """
        try:
            connection.execute(f"SELECT {_IN_CONSONANTS}(NULL)")
        except duckdb.CatalogException:
            connection.create_function(_IN_CONSONANTS, _in_consonants, ["VARCHAR"], "VARCHAR", type="arrow")
        pad = self.key.ljust(_BLOCK_BYTES, b"\0")
        connection.execute(f"SET VARIABLE pseudonym_inner_{self.rocu} = ?", [bytes(byte ^ 0x36 for byte in pad)])
        connection.execute(f"SET VARIABLE pseudonym_outer_{self.rocu} = ?", [bytes(byte ^ 0x5C for byte in pad)])
        inner = f"unhex(sha256(getvariable('pseudonym_inner_{self.rocu}') || encode(vrm)))"
        outer = f"sha256(getvariable('pseudonym_outer_{self.rocu}') || {inner})"
        connection.execute(
            f"CREATE OR REPLACE TEMP MACRO vehicle_token_{self.rocu}(vrm) AS "
            f"{_IN_CONSONANTS}(left({outer}, {TOKEN_LENGTH}))"
        )

    def sql(self, expression: str) -> str:
        """A DuckDB expression with the token of a VARCHAR expression; NULL stays NULL. Needs `install` first."""
        return f"vehicle_token_{self.rocu}({expression})"


def _in_consonants(digits: pa.ChunkedArray) -> pa.ChunkedArray:
    """Hexadecimal texts in consonants: one look-up a byte, at a fifth of the cost of the database's `translate`."""
    return pa.chunked_array([_written(chunk) for chunk in digits.chunks], pa.string())


def _written(digits: pa.StringArray) -> pa.StringArray:
    valid, offsets, letters = digits.buffers()
    found = pa.py_buffer(_LETTERS[np.frombuffer(letters, np.uint8)])
    return pa.StringArray.from_buffers(len(digits), offsets, found, valid, digits.null_count, digits.offset)


def load_pseudonymiser(settings: Settings, rocu: str) -> Pseudonymiser:
    """The pseudonymiser of a ROCU, its key drawn from the master key by HKDF-SHA256.

    Args:
        settings: Gives the master key, or the folder of the embedded one.
        rocu: Code of the ROCU, lower case.

    Raises:
        WrongInputError: The code cannot be one of a ROCU, or the master key is not usable.
    """
    if not _ROCU.fullmatch(rocu):
        raise WrongInputError(f"{rocu!r} is not the code of a ROCU.", "Use a lower-case code, for example nwrocu.")
    derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"pseudonym:" + rocu.encode())
    return Pseudonymiser(rocu, derivation.derive(pseudonym_master_key(settings)))
