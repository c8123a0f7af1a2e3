"""Settings of one process: built once at the entry point from `FINDPROFILE_…`, frozen, passed down.

The embedded default keeps everything under one folder, `FINDPROFILE_HOME`; the national profile changes values here,
never code.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from infra.errors import WrongInputError

PREFIX = "FINDPROFILE_"


class Settings(BaseSettings):
    """Where this process keeps its things and how much of the machine it may use."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    home: Path = Field(
        default=Path(".findprofile"), description="the folder that holds everything in the embedded default"
    )
    token: SecretStr | None = Field(default=None, description="the signed token that this process acts as")
    database_url: str | None = Field(
        default=None, description="SQLAlchemy URL of audit log and run state; default SQLite in home"
    )
    mlflow_tracking_uri: str | None = Field(default=None, description="MLflow tracking URI; default SQLite in home")
    mlflow_timeout_seconds: int = Field(
        default=20, ge=1, le=3_600, description="how long an MLflow server may take to answer"
    )
    prefect_api_url: str | None = Field(
        default=None, description="a running Prefect server; without one, steps run in this process"
    )
    oidc_issuer: str = Field(default="findprofile-embedded", description="issuer whose tokens are taken")
    oidc_audience: str = Field(default="findprofile", description="audience that a token must name")
    oidc_jwks: str | None = Field(
        default=None, description="file or https URL of the issuer's keys; default the embedded issuer's"
    )
    pseudonym_key: SecretStr | None = Field(
        default=None, description="hex master key of the pseudonyms; default a key file in home"
    )
    vault_recipient: str | None = Field(
        default=None, description="age public key to seal to; default a key pair in home"
    )
    vault_identity: SecretStr | None = Field(
        default=None, description="age private key, only where the vault may be opened"
    )
    signing_key: Path | None = Field(default=None, description="PEM private key that signs models; default one in home")
    signing_public_key: Path | None = Field(default=None, description="PEM public key that models must verify against")
    audit_trusted_keys: Path | None = Field(
        default=None, description="folder of the PEM public keys of other machines that write to the same audit log"
    )
    audit_full_walk_hours: float = Field(
        default=24,
        ge=0,
        le=24,
        description="how long scoring trusts the last full walk of a long audit log; 0: it walks all of it every time",
    )
    clock_tolerance_s: float = Field(
        default=60,
        ge=0,
        le=86_400,
        description="by how many seconds the clock may lie before the newest entry of the audit log",
    )
    threads: int = Field(default=2, ge=1, le=1024, description="threads for DuckDB and LightGBM")
    memory_limit: str = Field(
        default="3GB",
        pattern=r"(?i)^ *[0-9]{1,6}(\.[0-9]{1,6})? *[KMGT](i?B)? *$",
        description="memory limit of DuckDB, such as 800MB or 3GB; a process takes some 0.7 GB besides",
    )
    engine: Literal["duckdb", "spark"] = Field(
        default="duckdb", description="what builds windows; both give the same bytes. `spark` needs the extra `spark`"
    )
    windows_by_day: bool = Field(
        default=False,
        description="keep what each day comes down to and put windows together from it: the same bytes; docs/sizing.md "
        "says what it saves",
    )
    spark_master: str | None = Field(
        default=None, description="Spark master URL of a cluster that reaches the lake; default this machine's threads"
    )
    spark_config: dict[str, str] = Field(
        default={}, description="further Spark settings as JSON, such as executors and their memory"
    )
    lock_wait_s: float = Field(
        default=120, ge=0, le=86_400, description="seconds to wait while another process is at work on the same ROCU"
    )

    @property
    def root(self) -> Path:
        """The home folder, absolute.

        Raises:
            WrongInputError: It begins with the `~` of a user that is not there.
        """
        try:
            return self.home.expanduser().resolve()
        except RuntimeError:
            raise WrongInputError(
                f"Setting FINDPROFILE_HOME: there is no folder {self.home.parts[0]} of a user.",
                "Write the path of the home in full.",
            ) from None

    @property
    def lake(self) -> Path:
        """The folder of the data lake."""
        return self.root / "lake"

    @property
    def keys(self) -> Path:
        """The folder of the embedded keys; readable by its owner alone."""
        return self.root / "keys"

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the audit log and the run state."""
        return self.database_url or f"sqlite:///{self.root / 'state.db'}"

    @property
    def mlflow(self) -> str:
        """MLflow tracking URI."""
        return self.mlflow_tracking_uri or f"sqlite:///{self.root / 'mlflow.db'}"


def load_settings() -> Settings:
    """Build the settings from the environment.

    Raises:
        WrongInputError: A `FINDPROFILE_…` variable is unknown or has a wrong value.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise WrongInputError(
            f"Unknown setting {', '.join(unknown)}.", f"Unset it, or use one of {', '.join(sorted(known))}."
        )
    try:
        return Settings()
    except SettingsError:
        # only this one is read as JSON
        raise WrongInputError(
            "Setting FINDPROFILE_SPARK_CONFIG: it is not JSON.", 'Write it as {"name": "value"}.'
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise WrongInputError(f"Setting {name}: {first['msg']}.", f"Correct {name} in the environment.") from None
