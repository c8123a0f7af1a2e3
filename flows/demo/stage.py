"""The stage of the demo: its people and their tokens, the clock on each line, and what was done by an earlier run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from flows.cli.output import line
from flows.context import Context, open_context
from infra.lake import write_text
from infra.settings import Settings

Summary = Mapping[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody in the story. All are invented."""

    name: str
    roles: tuple[str, ...]


ENGINEER = Person("Erin Holt", ("ml_engineer", "validator"))  # both roles: what stops them is a rule about the person
OPERATOR = Person("Omar Vance", ("operator",))
VALIDATOR = Person("Grace Lund", ("validator",))
OWNER = Person("Gareth Pike", ("owner",))
GOVERNANCE = Person("Gwen Shaw", ("governance",))
AUDITOR = Person("Ada Moss", ("auditor",))


@dataclass
class Stage:
    """Where the story runs.

    Args:
        settings: Of the demo's home; with a Prefect server once it runs.
        started: When the demo began, in seconds of the monotonic clock.
    """

    settings: Settings
    started: float = field(default_factory=time.monotonic)

    @property
    def folder(self) -> Path:
        """Where the demo keeps its world and what it has done."""
        return self.settings.root / "demo"

    def say(self, text: str, indent: int = 0) -> None:
        """One line, with the seconds since the start."""
        line(f"{time.monotonic() - self.started:5.0f} s  {'  ' * indent}{text}")

    def act_as(self, person: Person, rocus: tuple[str, ...]) -> Context:
        """A signed-in session of one person, by a token of the embedded issuer like any other."""
        from flows.steps.identity import issue

        token = issue(self.settings, person.name, person.roles, rocus, hours=1)
        signed_in = self.settings.model_copy(update={"token": SecretStr(token)})
        self._accept_procedures(signed_in)
        return open_context(signed_in, lambda text: self.say(text, indent=2))

    def _accept_procedures(self, signed_in: Settings) -> None:
        """Once a person and ROCU; nobody acts before."""
        from flows.steps.syops import accept_procedures
        from governance.access.syops import accepted_until, procedures

        context = open_context(signed_in, unaccepted=True)
        if accepted_until(context.audit, context.identity) is None:
            accepted = accept_procedures(context, procedures().version)
            self.say(f"{accepted.by} accepts the operating procedures, version {accepted.version}", indent=1)

    def chapter(self, key: str, title: str, play: Callable[[], Summary]) -> Summary:
        """Play a chapter once; on a later run say that it is done and give what it gave."""
        kept = self.folder / "chapters" / f"{key}.json"
        if kept.is_file():
            self.say(f"{title}: already done")
            summary: Summary = json.loads(kept.read_text(encoding="utf-8"))
            return summary
        self.say(title)
        summary = json.loads(json.dumps(play(), default=str))
        write_text(kept, json.dumps(summary, indent=1))
        return summary

    def played(self, key: str) -> bool:
        """Whether a chapter was played by this or an earlier run."""
        return (self.folder / "chapters" / f"{key}.json").is_file()
