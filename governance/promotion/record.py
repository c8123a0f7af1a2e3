"""How decisions about a model get into the log: done, or refused with the reason, before anybody hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from governance.audit.log import AuditLog, Entry, Outcome
from governance.audit.plate_guard import withhold_plates
from governance.promotion.details import Details
from governance.promotion.registry_port import Registry, split_model
from infra.clock import Clock
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.lake import Lake

if TYPE_CHECKING:
    from infra.identity import Identity


@dataclass(frozen=True)
class Desk:
    """Where decisions are taken: the log is the authority, the lake keeps the evidence, the registry only follows.

    Args:
        audit: The log.
        lake: Keeps the evidence.
        registry: Shows what the log says.
        clock: Dates each entry when it is made; without one, all of an act are dated by its beginning.
    """

    audit: AuditLog
    lake: Lake
    registry: Registry
    clock: Clock | None = None

    def act(self, identity: Identity, action: str, model: str, version: str, now: datetime) -> Act:
        """What somebody does at this desk, begun now."""
        return Act(identity, action, model, version, now, self.clock)


@dataclass(frozen=True)
class Act:
    """One person doing one thing to one model, or to one version of it, begun at `now`."""

    identity: Identity
    action: str
    model: str
    version: str
    now: datetime
    clock: Clock | None = None

    def moment(self) -> datetime:
        """The time of an entry that is made at this moment; `now` is when the act began, which may be long ago."""
        return self.clock() if self.clock is not None else self.now

    @property
    def rocu(self) -> str:
        """The ROCU of the model."""
        return split_model(self.model)[1]

    @property
    def subject(self) -> str:
        """How the log names what is acted on."""
        return f"{self.model}/{self.version}" if self.version else self.model

    def done(self, details: Details, action: str | None = None) -> Entry:
        """The entry that says it was done."""
        return self._entry("done", details.model_dump(mode="json"), action)

    def refused(self, details: Details, action: str | None = None) -> Entry:
        """The entry that says that a rule, not an error, said no."""
        return self._entry("refused", details.model_dump(mode="json"), action)

    def _entry(self, outcome: Outcome, details: dict[str, Any], action: str | None = None) -> Entry:
        return Entry.by(
            self.identity,
            action=action or self.action,
            operation="decision",
            rocu=self.rocu,
            object=self.subject,
            outcome=outcome,
            details=details,
        )

    @contextmanager
    def recorded(self, audit: AuditLog) -> Iterator[None]:
        """Record a refusal or a fault that the block ends with, and let it go on.

        Nothing is decided on a log that does not hold; only a stop waits for nothing.

        Raises:
            RefusedError: The log does not hold, or the block was refused; the log has it.
            FaultError: The block failed; the log has it, unless it was the log that failed. So of any other error.
        """
        try:
            if self.action != "promote.suspend":
                audit.require_intact(self.now)
            yield
        except RefusedError as refusal:
            audit.append(self._entry("refused", {"reason": withhold_plates(refusal.reason)}), self.moment())
            raise
        except FaultError as fault:
            audit.append(self._entry("failed", {"reason": withhold_plates(fault.reason)}), self.moment())
            raise
        except WrongInputError:
            raise
        except Exception as broke:
            # whatever somebody made of what it reads, that it was tried is on record
            told = f"it broke off: {type(broke).__name__}"
            audit.append(self._entry("failed", {"reason": told}), self.moment())
            raise
