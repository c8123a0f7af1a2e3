"""Patterns as plug-ins: one declared object each, found by its name; `docs/add-a-pattern.md` shows how to add one.

A pattern is a module of this package with an object `PATTERN`, or an entry point of the group
`find_and_profile.patterns` in any installed distribution that leads to one. No other room changes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from ibis.expr.types import Table
from numpy.typing import NDArray

from data_contracts.layers.manifests import PartRef
from infra.errors import FaultError, WrongInputError
from infra.lake import Lake
from models.code_state import PATTERN_GROUP
from models.day_seal import KeptDays
from models.explanation import Caution, Explanation, Term, facts_of, tell, worded
from models.features.engines import Engine
from models.features.feature import Feature
from models.features.reference import features_page
from models.features.settings import PatternSettings
from models.pattern_names import installed_patterns, own_patterns, pattern_names
from models.units import VEHICLES, Unit, units_of

__all__ = ["PATTERN_GROUP", "Pattern", "features_reference", "get_pattern", "pattern_names", "units_of"]

WindowTable = Callable[[Table, date, PatternSettings, Engine], pa.Table]
BuildByDay = Callable[[duckdb.DuckDBPyConnection, Lake, KeptDays, Sequence[PartRef], date, PatternSettings], pa.Table]
BuildWindows = Callable[[duckdb.DuckDBPyConnection, Lake, Sequence[PartRef], date, PatternSettings], pa.Table]
PURPOSE = (
    "Ranks the vehicles of one region by how much their movements look like the pattern, so that analysts know which "
    "few to look at first. A person examines every one."
)
ORDINARY = "Ordinary lives of many kinds"
NOT_FOR = (
    "Not for stopping a vehicle, not for a decision about a person, not for another region or purpose. "
    "A score is an assessment, not a fact and not a probability of guilt."
)


@dataclass(frozen=True)
class Pattern:
    """What a pattern model needs to know of its pattern.

    Args:
        name: The key, also the first half of a model's name.
        title: For people.
        unit: What one row of a window is about. The key column is `vehicle` for either: a token, or of a pair the two
            tokens in order, joined by "+".
        label: What the finding `confirmed` means here. Findings about pairs name two plates, those about vehicles one;
            each pattern is trained and measured on the findings about its own unit.
        features: The feature columns in their order; all that a model sees. Each says what it is and its sentence.
        settings_type: The pattern's limits with their defaults; a ROCU's policy sets them under `patterns`, and one
            that does not name the pattern takes the defaults.
        build_windows: (connection, lake, parts, as_of, settings) to one row per unit: key, `window_end`, features;
            sorted by key, and the same bytes for the same reads whatever the threads.
        baseline: Windows to a ranking score by a written-down rule; larger ranks first.
        cautions: What has to be read before any score.
        terms: The words that its sentences use in a sense of their own; told wherever sentences are.
        rows_share: Rows that analysts can look at as a share of the vehicles that the policy's `capacity` says; by
            default a pair takes the time of two vehicles. Gives the k of precision and recall at k.
        window_table: The same windows from any table with the columns of the reads layer, on any engine; without it the
            pattern runs on DuckDB alone.
        build_by_day: (connection, lake, kept, parts, as_of, settings) to the same windows from what is kept of each
            day; without it every window is built from its reads.
        purpose: What its models are for; part of every version's record, and a change of it needs the full board.
        not_for: What they may not be used for.
        finds_and_misses: What they were seen to find and to miss where the truth is known, and which innocent lives
            they list, at what rate; on every model card.
        shared_by: Whose innocent lives share most of what is listed: the first words of a warning on every list.
    """

    name: str
    title: str
    unit: Unit
    label: str
    features: tuple[Feature, ...]
    settings_type: type[PatternSettings]
    build_windows: BuildWindows
    baseline: Callable[[pa.Table], NDArray[np.float64]]
    cautions: tuple[Caution, ...] = ()
    terms: tuple[Term, ...] = ()
    rows_share: float | None = None
    window_table: WindowTable | None = None
    build_by_day: BuildByDay | None = None
    purpose: str = PURPOSE
    not_for: str = NOT_FOR
    finds_and_misses: str = ""
    shared_by: str = ORDINARY

    def k(self, capacity: int) -> int:
        """Rows of one window that analysts can look at, of a capacity in vehicles; at least 1."""
        share = 1 / VEHICLES[self.unit] if self.rows_share is None else self.rows_share
        return max(1, int(capacity * share))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the feature columns, in their order."""
        return tuple(feature.name for feature in self.features)

    def words(self, settings: PatternSettings) -> tuple[tuple[str, str], ...]:
        """What the words of its sentences mean under these settings, in the order of the pattern."""
        facts = settings.model_dump()
        return tuple((term.word, meaning) for term in self.terms if (meaning := worded(term.meaning, facts)))

    def explain(
        self, row: Mapping[str, Any], contributions: Mapping[str, float], settings: PatternSettings, k: int = 5
    ) -> Explanation:
        """Sentences of facts about one row.

        Args:
            row: The row of the window: feature name to value.
            contributions: Feature name to its share in the score (in log-odds); only sign and order are used.
            settings: The settings that the window was built with.
            k: How many sentences for and how many against.
        """
        return tell(self.features, self.cautions, facts_of(row, settings), contributions, k)


def features_reference(name: str = "county_lines") -> str:
    """The reference page (`docs/features.md`) of a pattern's features and settings, as Markdown.

    Raises:
        WrongInputError: There is no such pattern.
    """
    pattern = get_pattern(name)
    return features_page(pattern.title, pattern.unit, pattern.features, pattern.settings_type)


def get_pattern(name: str) -> Pattern:
    """The pattern of that name.

    Raises:
        WrongInputError: There is none.
        FaultError: An installed distribution takes a name that is taken, or leads to something that is no pattern.
    """
    if name in own_patterns():
        found = importlib.import_module(f"{__name__}.{name}").PATTERN
    elif name in (installed := installed_patterns()):
        found = installed[name].load()
    else:
        raise WrongInputError(f"Unknown pattern {name!r}.", f"Use one of: {', '.join(pattern_names())}.")
    if not isinstance(found, Pattern) or found.name != name:
        raise FaultError(
            f"The entry point {name!r} of {PATTERN_GROUP} leads to no pattern of that name.",
            "Correct its distribution, or uninstall it.",
        )
    return found
