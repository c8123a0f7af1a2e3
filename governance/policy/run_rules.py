"""The policy's table for runs: how long an authority may hold, and which purposes may use reads of which age.

Belongs here: the table and the question whether it lets a purpose use reads of some ages. Does not: what an authority
is (run_authority), or counting ages from a day (the step that runs).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator


class AgeBand(BaseModel):
    """Reads of one span of ages, and the purposes that may use them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    up_to_days: int | None = Field(
        ge=0,
        le=36_525,
        description="the oldest age of the band in days; the band begins a day after the one before it ends",
    )
    purposes: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        description="what reads of this age may be used for; empty is nothing at all"
    )


class RunRules(BaseModel):
    """What a run over all vehicles of a region must be covered by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_authority_days: int = Field(ge=1, le=366, description="days that an authority for runs may hold at the most")
    age_bands: tuple[AgeBand, ...] = Field(min_length=1, description="from the youngest reads to the oldest")

    @model_validator(mode="after")
    def _every_age_is_in_one_band(self) -> RunRules:
        ends = [band.up_to_days for band in self.age_bands]
        closed = [end for end in ends[:-1] if end is not None]
        if ends[-1] is not None or len(closed) != len(ends) - 1 or sorted(set(closed)) != closed:
            raise ValueError("age_bands must rise in up_to_days, and the last, and only the last, has none (null)")
        return self

    @property
    def purposes(self) -> tuple[str, ...]:
        """Every purpose that any band allows."""
        return tuple(dict.fromkeys(purpose for band in self.age_bands for purpose in band.purposes))

    def forbidding(self, purpose: str, youngest_days: int, oldest_days: int) -> str | None:
        """The first band from the oldest reads to the youngest that does not allow a purpose, in words.

        Args:
            purpose: Of the authority.
            youngest_days: Age of the newest day of the window; below zero counts as zero.
            oldest_days: Age of its oldest day.

        Returns:
            As "91 to 365 days"; `None` if every band that the window touches allows the purpose.
        """
        named = self._named()
        touched = [band for band in named if band[0] <= max(oldest_days, 0) and max(youngest_days, 0) <= band[1]]
        return next((name for _, _, name, allowed in reversed(touched) if purpose not in allowed), None)

    def _named(self) -> list[tuple[int, float, str, tuple[str, ...]]]:
        rows, start = [], 0
        for band in self.age_bands:
            end = band.up_to_days
            words = f"{start} to {end} days" if end is not None else f"{start} days or more"
            rows.append((start, float("inf") if end is None else end, words, band.purposes))
            start = start if end is None else end + 1
        return rows
