"""Patterns as plug-ins: each module of this package declares one object, `PATTERN`, and is found by its name.

Adding a pattern means adding a module here; no other room changes.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_contracts.manifests import PartRef
from infra.errors import WrongInputError
from infra.lake import Lake
from models.explanation import Caution, Explanation, facts_of, tell
from models.features.feature import Feature
from models.features.reference import features_page
from models.features.settings import PatternSettings

BuildWindows = Callable[[duckdb.DuckDBPyConnection, Lake, Sequence[PartRef], date, PatternSettings], pa.Table]


@dataclass(frozen=True)
class Pattern:
    """What a pattern model needs to know of its pattern.

    Args:
        name: The key, also the first half of a model's name.
        title: For people.
        unit: What one row of a window is about.
        label: What the finding `confirmed` means here.
        features: The feature columns in their order; all that a model sees.
        settings_type: The settings with their defaults.
        build_windows: (connection, lake, parts, as_of, settings) to one row per unit: key, `window_end`, features.
        baseline: Windows to a ranking score by a written-down rule; larger ranks first.
        cautions: What has to be read before any score.
    """

    name: str
    title: str
    unit: str
    label: str
    features: tuple[Feature, ...]
    settings_type: type[PatternSettings]
    build_windows: BuildWindows
    baseline: Callable[[pa.Table], NDArray[np.float64]]
    cautions: tuple[Caution, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the feature columns, in their order."""
        return tuple(feature.name for feature in self.features)

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


def pattern_names() -> tuple[str, ...]:
    """The names of all patterns, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def get_pattern(name: str) -> Pattern:
    """The pattern of that name.

    Raises:
        WrongInputError: There is none.
    """
    if name not in pattern_names():
        raise WrongInputError(f"Unknown pattern {name!r}.", f"Use one of: {', '.join(pattern_names())}.")
    pattern: Pattern = importlib.import_module(f"{__name__}.{name}").PATTERN
    return pattern
