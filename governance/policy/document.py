"""The policy of a ROCU: one strict, versioned file with every limit, and its digest, which every decision carries.

A ROCU's file says only what differs; it is laid over the packaged default. Belongs here: reading, storing and loading
policies. Does not: applying a limit (each room applies its own), or writing down who loaded one (the audit log).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError, field_validator

from data_contracts.judgement.limits import IngestLimits
from governance.canonical import canonical_json
from governance.policy.change_limits import ChangePlan
from governance.policy.gate_limits import GateLimits
from governance.policy.layered import lay_over
from governance.policy.run_rules import RunRules
from governance.policy.transparency import TransparencyFacts
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.lake import Lake, write_text
from infra.strict_yaml import read_yaml
from models.drift.settings import MonitorSettings
from models.training_settings import TrainingSettings
from models.tuning_bounds import TuningBounds

PACKAGED = Path(__file__).parents[1] / "policies"
# in the place of a file's SHA-256 where none was loaded
PACKAGED_FILE = "packaged"
_CURRENT = "current.json"


class VaultRules(BaseModel):
    """What must be said before the vault is opened."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    purposes: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        min_length=1, description="the purposes for which a plate may be revealed"
    )
    authority_format: str = Field(description="regular expression that a whole authority reference must match")
    authority_example: str = Field(description="a reference that matches, shown to whoever gets it wrong")
    max_tokens: int = Field(ge=1, le=1000, description="vehicles revealed by one authority in one go")

    @field_validator("authority_format")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from None
        if re.fullmatch(value, ""):
            raise ValueError("takes an empty text, which is no reference")
        return value


class RocuPolicy(BaseModel):
    """Every limit that a ROCU sets for itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(min_length=1, description="the version that the policy's owner gave it")
    ingest: IngestLimits
    patterns: dict[str, SerializeAsAny[BaseModel]] = Field(
        min_length=1, description="settings of each pattern that needs others than its own defaults"
    )
    training: TrainingSettings
    tuning: TuningBounds = Field(default=TuningBounds(), description="what a search of training settings may change")
    monitoring: MonitorSettings
    capacity: int = Field(
        ge=1, le=10_000, description="vehicles that the analysts can look at per window: the k of precision@k"
    )
    random_review: int = Field(
        default=5,
        ge=0,
        le=1000,
        description="vehicles drawn at random onto each list, blindly, so that precision and recall can be estimated",
    )
    gate: GateLimits
    change_plan: ChangePlan = Field(description="what a retrain may change without a full board")
    transparency: TransparencyFacts = Field(
        default=TransparencyFacts(), description="what only the owner can say in the transparency record"
    )
    approvers_needed: int = Field(
        ge=2,
        le=20,
        description="different people who must approve: validator and owner; more than two are of the board",
    )
    request_valid_days: int = Field(
        ge=1, le=3660, description="days after which a request that lacks an approval expires"
    )
    approval_valid_days: int = Field(
        ge=1,
        le=3660,
        description="days after which an approval lapses; a model whose approval has lapsed stops scoring",
    )
    shadow_runs: int = Field(
        ge=0, le=100, description="days on which an approved version scores in shadow before it can be confirmed"
    )
    syops_valid_days: int = Field(
        default=365, ge=1, le=3660, description="days after which the operating procedures have to be accepted again"
    )
    token_max_age_hours: float = Field(
        gt=0, le=8784, description="age of a token above which no decision is taken with it"
    )
    vault: VaultRules
    runs: RunRules = Field(
        description="which purposes may rank reads of which age, and how long an authority for it holds"
    )

    @field_validator("patterns", mode="before")
    @classmethod
    def _each_pattern_its_own_settings(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        from models.patterns import get_pattern

        return {
            name: settings
            if isinstance(settings, BaseModel)
            else get_pattern(name).settings_type.model_validate_json(json.dumps(settings or {}), strict=True)
            for name, settings in value.items()
        }

    def pattern(self, name: str) -> BaseModel:
        """The settings of one pattern; one that the policy does not name has its own defaults.

        Raises:
            WrongInputError: There is no such pattern.
        """
        from models.patterns import get_pattern

        return self.patterns[name] if name in self.patterns else get_pattern(name).settings_type()

    def rows(self, pattern: str) -> int:
        """Rows of this pattern that the analysts can look at per window: vehicles, or fewer pairs of them.

        Raises:
            WrongInputError: There is no such pattern.
        """
        from models.patterns import get_pattern

        return get_pattern(pattern).k(self.capacity)

    @property
    def digest(self) -> str:
        """SHA-256 over every value; comments and order do not count, defaults of the code do."""
        return hashlib.sha256(canonical_json(json.loads(self.model_dump_json())).encode()).hexdigest()


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy in force, with its digest, where it came from, and the SHA-256 of its file if a ROCU loaded one."""

    policy: RocuPolicy
    digest: str
    origin: str
    file_sha256: str = PACKAGED_FILE


def read_policy(file: Path) -> RocuPolicy:
    """Read a policy file, laid over the packaged default.

    Raises:
        WrongInputError: There is no such file, it is neither UTF-8 nor YAML, or a key or value is not one of a
            policy's.
    """
    return _parse(_text_of(file), file.name)


def _text_of(file: Path) -> str:
    if not file.is_file():
        raise WrongInputError(f"There is no policy file {file}.", "Give the path of a YAML file.")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise WrongInputError(
            f"The policy {file.name} is not UTF-8: byte {error.start + 1} is none of a text.",
            "Save it as UTF-8 and load it again.",
        ) from None


def _parse(text: str, name: str) -> RocuPolicy:
    return _laid_over((PACKAGED / "default.yaml").read_text(encoding="utf-8"), text, name)


@lru_cache(maxsize=64)
def _laid_over(default: str, text: str, name: str) -> RocuPolicy:
    """The policy in a text. What the two say never changes, and one run asks for it several times."""
    values = lay_over(read_yaml(default, "default.yaml"), read_yaml(text, name))
    try:
        return RocuPolicy.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}" for problem in error.errors()
        )
        raise WrongInputError(
            f"The policy {name} is not valid: {problems}.",
            "Correct these keys; governance/policies/default.yaml explains each, docs/limits.md has the bounds of the "
            "limits under ingest.",
        ) from None


def store_policy(lake: Lake, rocu: str, file: Path) -> LoadedPolicy:
    """Put a ROCU's own policy in force. Earlier files stay, named by their digest.

    Returns:
        The policy of the text that was read and stored, whatever lies in the lake by now.

    Raises:
        WrongInputError: The file is not a valid policy.
    """
    text = _text_of(file)
    policy = _parse(text, file.name)
    folder = lake.folder("policies", rocu)
    digest = hashlib.sha256(text.encode()).hexdigest()
    write_text(folder / f"{digest}.yaml", text)
    write_text(folder / _CURRENT, canonical_json({"file": file.name, "sha256": digest}))
    return LoadedPolicy(policy, policy.digest, _origin(file.name, rocu), digest)


def _origin(name: str, rocu: str) -> str:
    return f"{name} (loaded for {rocu})"


def load_policy(lake: Lake, rocu: str) -> LoadedPolicy:
    """The policy in force for a ROCU: its own if one was stored, else the packaged default.

    Raises:
        RefusedError: The stored file is not the one that was stored.
        FaultError: The stored file is gone.
    """
    folder = lake.folder("policies", rocu)
    pointer = folder / _CURRENT
    if not pointer.exists():
        return packaged_policy("default")
    try:
        current: dict[str, Any] = json.loads(pointer.read_bytes())
        name, sha256 = str(current["file"]), str(current["sha256"])
    except (ValueError, KeyError, TypeError, OSError):
        raise RefusedError(
            f"What says which policy of {rocu} is in force cannot be read.", "Have governance load the policy again."
        ) from None
    stored = folder / f"{sha256}.yaml"
    if not stored.is_file():
        raise FaultError(f"The policy file of {rocu} is gone from the lake.", "Load the policy again.")
    content = stored.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RefusedError(
            f"The policy of {rocu} was changed in the lake after it was loaded.", "Have governance load it again."
        )
    policy = _parse(content.decode("utf-8"), name)
    return LoadedPolicy(policy, policy.digest, _origin(name, rocu), sha256)


def loaded_policy(lake: Lake, rocu: str, sha256: str) -> LoadedPolicy | None:
    """A policy that was loaded for a ROCU, by the SHA-256 of its file, which the lake may still have as it was.

    Args:
        lake: Where files that were loaded stay.
        rocu: Whose policy.
        sha256: Of the file; `packaged` means the packaged default.
    """
    if sha256 == PACKAGED_FILE:
        return packaged_policy("default")
    stored = lake.folder("policies", rocu) / f"{sha256}.yaml"
    if not stored.is_file() or hashlib.sha256(content := stored.read_bytes()).hexdigest() != sha256:
        return None
    try:
        policy = _parse(content.decode("utf-8"), stored.name)
    except WrongInputError:  # of an earlier version of the product
        return None
    return LoadedPolicy(policy, policy.digest, f"{stored.name[:12]} (loaded for {rocu}, by the audit log)", sha256)


def known_policies(lake: Lake, rocu: str) -> tuple[RocuPolicy, ...]:
    """Every policy that may have been in force for a ROCU: those that it loaded, and those of the product.

    A file of an earlier version of the product that this one cannot read any more is left out.
    """
    found = []
    for file in (*sorted(lake.folder("policies", rocu).glob("*.yaml")), *sorted(PACKAGED.glob("*.yaml"))):
        try:
            found.append(read_policy(file))
        except WrongInputError:
            continue
    return tuple(found)


def stored_sha256(lake: Lake, rocu: str) -> str:
    """SHA-256 of the file that the lake says is in force for a ROCU; `packaged` if it says none, '' if unreadable."""
    pointer = lake.folder("policies", rocu) / _CURRENT
    try:
        return str(json.loads(pointer.read_text(encoding="utf-8"))["sha256"])
    except FileNotFoundError:
        return PACKAGED_FILE
    except (ValueError, KeyError, TypeError, OSError):
        return ""


def packaged_policy(name: str) -> LoadedPolicy:
    """A policy that comes with the product: `default`, `demo` or `vast`.

    Raises:
        WrongInputError: There is none of this name.
    """
    policy = read_policy(PACKAGED / f"{name}.yaml")
    return LoadedPolicy(policy, policy.digest, f"packaged {name}")
