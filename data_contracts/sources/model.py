"""What a source is: which column is which, how times are written, what a plate is there.

Two sources are built in, `canonical` and `bof2`; any other is a YAML file with the keys of `Source`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from data_contracts.intake.names import name_as_delivered, path_as_given
from data_contracts.sources.opening import opened, size_of_file
from infra.engine import literal
from infra.errors import WrongInputError
from infra.strict_yaml import NOT_YAML

BOF2_FIELDS = (
    "signature",
    "username",
    "vrm",
    "feed_id",
    "source_id",
    "camera_id",
    "captured_at",
    "latitude",
    "longitude",
    "camera_preset_position",
    "camera_pan",
    "camera_tilt",
    "camera_zoom",
    "confidence",
    "motion_toward_camera",
)
BOF2_MANDATORY = 7
LONGEST_NAME = 60
LARGEST_SOURCE = 1 << 20
FieldName = Literal[
    "vrm",
    "captured_at",
    "camera_id",
    "confidence",
    "motion_toward_camera",
    "feed_id",
    "source_id",
    "received_at",
    "latitude",
    "longitude",
    "make",
    "model",
    "colour",
    "window_end",
    "finding",
    "decided_at",
    "decided_by",
    "selected_by",
]


class Source(BaseModel):
    """How one supplier writes its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=LONGEST_NAME, description="how batches name this source")
    format: Literal["table", "bof2"] = Field(
        default="table", description="table: CSV with a header, or Parquet; bof2: compact capture text, no header"
    )
    columns: dict[FieldName, str] = Field(
        default_factory=dict, description="canonical name: name in the file; a field not listed has its canonical name"
    )
    delimiter: str = Field(default=",", min_length=1, max_length=1, description="between the columns of a CSV")
    time_format: str | None = Field(
        default=None,
        description="strptime format of times, or epoch (seconds since 1970, UTC), or epoch_ms (thousandths); ISO 8601 "
        "with its zone, or with a T between day and time, is always understood as well",
    )
    zone: str | None = Field(
        default=None, description="IANA zone of times that carry none, for example UTC or Europe/London"
    )
    plate_scheme: Literal["uk", "opaque"] = Field(
        default="uk",
        description="uk: the grammar of UK plates applies; opaque: the text is an identifier, taken as it is",
    )
    position: Literal["register", "file"] = Field(
        default="register", description="where the position of a read comes from"
    )

    @field_validator("delimiter")
    @classmethod
    def _delimiter_is_usable(cls, value: str) -> str:
        if value in '"\r\n\x00\x01' or not value.isascii():
            raise ValueError("must be one ASCII character other than a quote or a line end")
        return value

    @field_validator("zone")
    @classmethod
    def _zone_is_known(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
                _try(f"timezone({literal(value)}, TIMESTAMP '2000-01-01')")
            except (ZoneInfoNotFoundError, ValueError, OSError, duckdb.Error):
                raise ValueError(f"{value!r} is no IANA zone") from None
        return value

    @field_validator("time_format")
    @classmethod
    def _time_format_is_known(cls, value: str | None) -> str | None:
        if value not in (None, "epoch", "epoch_ms"):
            try:
                _try(f"try_strptime('', {literal(value or '')})")
            except (duckdb.Error, UnicodeError):
                raise ValueError("is no strptime format, as in %d/%m/%Y %H:%M:%S, nor epoch or epoch_ms") from None
        return value

    @model_validator(mode="after")
    def _columns_are_told_apart(self) -> Source:
        if len(set(self.columns.values())) < len(self.columns):
            raise ValueError("two fields name the same column")
        if self.format == "bof2" and self.columns:
            raise ValueError("bof2 has its own order of fields; columns cannot be given")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of everything that this source says."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def declared(self) -> dict[str, str]:
        """The columns that the source names itself."""
        return {str(field): name for field, name in self.columns.items()}

    def column_of(self, field: str) -> str:
        """The name of a field in the file."""
        return self.declared.get(field, field)


def _try(expression: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"SELECT {expression}")


BUILT_IN = {
    "canonical": Source(name="canonical"),
    "bof2": Source(name="bof2", format="bof2", delimiter="|"),
}


def load_source(name_or_file: str) -> Source:
    """A built-in source by its name, or the source that a YAML file describes.

    Raises:
        WrongInputError: No such name or file, or the file does not describe a source.
    """
    if name_or_file in BUILT_IN:
        return BUILT_IN[name_or_file]
    path = Path(name_or_file)
    try:
        size = size_of_file(path)
    except WrongInputError:
        raise WrongInputError(
            f"{path_as_given(path)} is neither a built-in source nor a file.",
            f"Use {' or '.join(BUILT_IN)}, or the path of a source YAML file.",
        ) from None
    try:
        if size > LARGEST_SOURCE:
            raise ValueError
        with opened(path) as stream:
            content = yaml.safe_load(stream.read().decode("utf-8"))
    except NOT_YAML:
        raise WrongInputError(f"{name_as_delivered(path)} is not YAML.", "Write it as `key: value` lines.") from None
    if not isinstance(content, dict):
        raise WrongInputError(f"{name_as_delivered(path)} describes no source.", "Write it as `key: value` lines.")
    if content.get("format") == "bof2":
        content.setdefault("delimiter", "|")
    try:
        return Source.model_validate({"name": name_as_delivered(path.with_suffix(""))[:LONGEST_NAME], **content})
    except ValidationError as error:
        faults = "; ".join(map(_in_words, error.errors()))
        raise WrongInputError(
            f"Source {name_as_delivered(path)}: {faults}.",
            f"Correct it; the keys are {', '.join(Source.model_fields)} (docs/own-data.md).",
        ) from None


def _in_words(fault: Mapping[str, Any]) -> str:
    place = ".".join(map(str, fault["loc"]))
    if fault["type"] != "extra_forbidden":
        return f"{place or 'file'}: {fault['msg']}"
    near = get_close_matches(place, list(Source.model_fields), n=1)
    return f"{place} is no key of a source{f', {near[0]} may be meant' if near else ''}"
