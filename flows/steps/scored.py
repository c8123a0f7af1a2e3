"""What the scoring of a day comes to. How it is scored is in `scoring`, what versions in shadow come to in `shadow`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from flows.steps.results import StepResult
from flows.steps.shadow import ShadowRun, in_words
from models.units import Unit


class Scored(StepResult):
    """A ranked list. `found_altered` if it was made before, and list or page were no longer what the log says."""

    rocu: str
    pattern: str
    as_of: date
    run_id: str
    model: str
    version: int
    model_sha256: str
    unit: Unit = "vehicle"
    vehicles: int
    shown: int
    already_done: bool
    found_altered: bool = False
    authority: str
    data_digest: str
    shadow: tuple[ShadowRun, ...] = ()
    scores: Path
    page: Path

    def summary(self) -> dict[str, str | int | float]:
        """The figures, and a line for each version in shadow."""
        # a row of the list is about one of these
        told = super().summary()
        plain = {f"{told['unit']}s" if name == "vehicles" else name: value for name, value in told.items()}
        del plain["shadow"], plain["unit"]
        del plain["found_altered"]
        if self.found_altered:
            plain["list or page"] = "not as the log had it, made again: tell governance"
        return plain | in_words(self.shadow, self.unit)

    def links(self) -> dict[str, Path]:
        """The list for analysts."""
        return {"list for analysts": self.page}
