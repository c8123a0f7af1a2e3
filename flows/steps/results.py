"""The form of a step's result: data for `--json`, a summary for a table, links to what was made."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class StepResult(BaseModel):
    """What a step did."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    def summary(self) -> dict[str, str | int | float]:
        """One value a line, for people."""
        return {
            name: value if isinstance(value, int | float) else str(value) for name, value in self if value is not None
        }

    def links(self) -> dict[str, Path]:
        """Pages and files that were made, by title."""
        return {}
