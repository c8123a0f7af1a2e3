"""The schedules file: which flow runs when, per ROCU. Strict: an unknown flow, key or cron expression is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from infra.errors import WrongInputError
from infra.strict_yaml import NOT_YAML

FlowName = Literal["ingest", "retrain", "score", "monitor", "daily"]
PACKAGED = Path(__file__).with_name("schedules.yaml")


class Schedules(BaseModel):
    """When each flow runs: one cron expression per flow, and what differs per ROCU."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timezone: str
    flows: dict[FlowName, str]
    rocus: dict[str, dict[FlowName, str]] = {}

    @model_validator(mode="after")
    def _as_prefect_takes_them(self) -> Self:
        from prefect.client.schemas.schedules import CronSchedule

        if self.timezone not in available_timezones():
            raise ValueError(f"'{self.timezone}' is not a time zone")
        for crons in (self.flows, *self.rocus.values()):
            for cron in crons.values():
                CronSchedule(cron=cron, timezone=self.timezone)
        return self

    def of(self, rocu: str) -> dict[FlowName, str]:
        """The cron expression of each flow for one ROCU."""
        return {**self.flows, **self.rocus.get(rocu, {})}


def load_schedules(path: Path = PACKAGED) -> Schedules:
    """Read a schedules file.

    Raises:
        WrongInputError: It is missing or not what a schedules file may hold.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, *NOT_YAML) as error:
        raise WrongInputError(
            f"The schedules file {path} cannot be read.", "Give a YAML file like flows/schedules.yaml."
        ) from error
    try:
        return Schedules.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise WrongInputError(
            f"Schedules file {path}: {where}: {first['msg']}.", "Correct it and deploy again."
        ) from None
