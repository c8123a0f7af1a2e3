"""Whether what a run said of a vehicle still follows from its reads: its sentences, made again from the profile."""

from __future__ import annotations

from models.explanation import facts_of, sentence, worded
from models.features.settings import PatternSettings
from models.patterns import Pattern
from models.profile.model import VehicleProfile


def sentences_again(profile: VehicleProfile, pattern: Pattern, settings: PatternSettings) -> frozenset[str]:
    """Every sentence of the pattern that the vehicle's own reads decide, as they give it now."""
    facts = facts_of(profile.features, settings)
    told = [sentence(feature, facts) for feature in pattern.features if feature.name in profile.features]
    told += [worded(caution.sentence, facts) for caution in pattern.cautions if caution.fact in profile.features]
    return frozenset(text for text in told if text)
