"""What the audit log says in one row: the entry that a caller makes, and the row that it becomes.

Belongs here: the fields, their meaning, how they are spelled in the table, and the refusal of number plates and of
details in a form that this program does not know.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from governance.audit.chain import row_digest
from governance.audit.operations import Operation, fits
from governance.audit.plate_guard import refuse_plate_name, refuse_plate_text
from governance.audit.tables import COLUMNS
from governance.canonical import canonical_json, plain_text
from infra.errors import RefusedError

if TYPE_CHECKING:
    from governance.audit.keys import AuditKeys
    from infra.identity import Identity

Outcome = Literal["done", "refused", "failed"]

DETAILS_VERSION = 1
"""Of what stands in `details`; it rises when entries of an action come to mean something else than before."""
_VERSION_KEY = "details_version"


class Entry(BaseModel):
    """What a caller has to say; time, number and hashes are the log's.

    Identity and date-time are the legal floor; purpose and authority are local policy, and needed for the vault.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: str = Field(min_length=1, description="a row of the permission table, or what followed from one")
    operation: Operation
    actor: str = Field(min_length=1, description="subject of the verified identity")
    actor_name: str
    actor_roles: tuple[str, ...]
    rocu: str = Field(min_length=1)
    object: str = Field(description="what was acted on: model/version, run, batch, digest or vehicle token")
    purpose: str | None = None
    authority: str | None = None
    outcome: Outcome
    details: dict[str, Any] = Field(default_factory=dict)

    @field_validator("*", mode="before")
    @classmethod
    def _as_the_log_can_keep_it(cls, value: Any) -> Any:
        """What was typed may have bytes that are no UTF-8; that it was tried is on record all the same."""
        return _plain(value)

    @model_validator(mode="after")
    def _no_plates(self) -> Entry:
        refuse_plate_name("the object", self.object)
        for name in ("object", "purpose", "authority", "details"):
            refuse_plate_text(f"the {name}", getattr(self, name))
        return self

    @model_validator(mode="after")
    def _version_is_the_logs(self) -> Entry:
        if _VERSION_KEY in self.details:
            raise ValueError(f"{_VERSION_KEY} is written by the log itself")
        return self

    @model_validator(mode="after")
    def _operation_of_the_table(self) -> Entry:
        if not fits(self.action, self.operation):
            raise ValueError(f"{self.action} is no {self.operation} by the table of operations")
        return self

    @classmethod
    def by(
        cls,
        identity: Identity,
        *,
        action: str,
        operation: Operation,
        rocu: str,
        object: str,
        outcome: Outcome,
        purpose: str | None = None,
        authority: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> Entry:
        """An entry about what an identity did.

        Raises:
            WrongInputError: A value reads as a number plate.
        """
        return cls(
            action=action,
            operation=operation,
            actor=identity.subject,
            actor_name=identity.name,
            actor_roles=tuple(sorted(identity.roles)),
            rocu=rocu,
            object=object,
            purpose=purpose,
            authority=authority,
            outcome=outcome,
            details=details or {},
        )


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, list):
        return list(map(_plain, value))
    return value


@dataclass(frozen=True)
class Row:
    """One row of the log. `at` is ISO 8601 UTC with microseconds and a final Z, so text order is time order.

    `details_version` is 1 for rows from before it was kept; 0 if what stands there is no version.
    """

    seq: int
    event_id: str
    at: str
    action: str
    operation: str
    actor: str
    actor_name: str
    actor_roles: tuple[str, ...]
    rocu: str
    object: str
    purpose: str | None
    authority: str | None
    outcome: str
    details: dict[str, Any]
    signer: str
    previous_hash: str
    hash: str
    signature: str
    details_version: int = 1

    @property
    def moment(self) -> datetime:
        """When, as an aware UTC time."""
        return datetime.fromisoformat(self.at)


def iso_moment(value: datetime) -> str:
    """The spelling of a time in the log: ISO 8601 UTC, microseconds, Z."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def stored_values(
    entry: Entry, now: datetime, seq: int, previous: str, keys: AuditKeys | None = None
) -> dict[str, Any]:
    """The columns of an entry as the row that follows the row with the hash `previous`, signed if there is a key.

    Raises:
        TypeError: Something in the entry is not JSON.
        ValueError: A number is none, or a text is not Unicode: no such row is written.
    """
    stored = entry.model_dump() | {
        "seq": seq,
        "event_id": uuid.uuid4().hex,
        "at": iso_moment(now),
        "actor_roles": canonical_json(entry.actor_roles),
        "details": canonical_json(entry.details | {_VERSION_KEY: DETAILS_VERSION}),
        "signer": keys.own_id if keys else "",
        "previous_hash": previous,
    }
    row_hash = row_digest(stored)
    return stored | {"hash": row_hash, "signature": keys.sign(row_hash) if keys else ""}


def read_row(values: tuple[Any, ...]) -> Row:
    """A row from its stored columns, in the table's order, whatever the form of its details.

    Details that are no JSON object were not written by any log: they are read as none, of no version. That they were
    touched, the row's hash tells.
    """
    fields = dict(zip(COLUMNS, values, strict=True))
    roles, details = _from_json(fields["actor_roles"]), _from_json(fields["details"])
    fields["actor_roles"] = tuple(map(str, roles)) if isinstance(roles, list) else ()
    fields["details"] = details if isinstance(details, dict) else {}
    said = fields["details"].pop(_VERSION_KEY, 1) if isinstance(details, dict) else 0
    return Row(**fields, details_version=said if type(said) is int and said > 0 else 0)


def _from_json(text: Any) -> Any:
    """What a column holds; `None` if it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None


def is_known(row: Row) -> bool:
    """Whether this program knows the form of the row's details."""
    return 1 <= row.details_version <= DETAILS_VERSION


def require_known(row: Row) -> Row:
    """The row, if this program knows the form of its details.

    Raises:
        RefusedError: It does not: a newer program wrote it, or it is no version.
    """
    if is_known(row):
        return row
    said = f"version {row.details_version}" if row.details_version else "no version"
    raise RefusedError(
        f"Row {row.seq} of the audit log ({row.action}) has details of {said}; this program knows them up to version"
        f" {DETAILS_VERSION}, so what the row says is not known.",
        "Bring this machine to the release that the others run; nothing is decided by such a row until then."
        " findprofile audit search shows it as it is.",
    )
