"""The county lines pattern: vehicles that go out from a hub to a town again and again, or stay in it, to supply it.

What published work names (commuting, holidaying, cuckooing; repeated runs; worn or alternated routes; hire vehicles) is
what the features look for. None of it is proof: couriers, carers, split families and others share most of each signal.
"""

from __future__ import annotations

from models.baseline import restocking_rule
from models.days import build_windows_by_day
from models.explanation import Caution, Term
from models.features.settings import PatternSettings
from models.patterns import Pattern
from models.windows import FEATURES, build_windows, window_table

CAUTIONS = (
    Caution(
        "impossible_hops",
        1,
        "{impossible_hops:pair|pairs} of reads would need more than {max_speed_kmh} km/h: rule out a cloned or misread "
        "plate, or a camera with a wrong clock or position, before anything else",
    ),
    Caution(
        "repaired_share",
        0.05,
        "{repaired_share:%} of {reads:read|reads} had a plate text that was repaired: some may be of another vehicle",
    ),
    Caution(
        "low_confidence_share",
        0.2,
        "{low_confidence_share:%} of {reads:read|reads} had a confidence under {low_confidence}: some may be misreads",
    ),
    Caution(
        "camera_uptime",
        0.8,
        "the cameras that saw it had reads on {camera_uptime:%} of the {window_days} days: what is missing may be the "
        "camera's silence, not the vehicle's",
        below=True,
    ),
)

TERMS = (
    Term("place", "a square of {place_km} km"),
    Term(
        "journey",
        "reads in a row of one vehicle, with no break of more than {journey_gap_minutes} min that the distance does "
        "not explain",
    ),
    Term(
        "base",
        "the place where it was last read for longer than anywhere else in the window, the time before its first read "
        "and after its last included",
    ),
    Term(
        "stay", "from the last read of a journey to the first of the next; away is {away_km} km or more from the base"
    ),
    Term("trip", "from leaving the base to coming back to it, {away_km} km or more away in between"),
    Term(
        "run",
        "out over {run_km} km or more and at least half of the way back, wherever the base is: two journeys in a row, "
        "or one that turns; a quick run has a stop of up to {short_stay_minutes} min",
    ),
)

# from the tables of benchmarks/README.md (models); measured again, this is written again
FINDS_AND_MISSES = (
    "In four simulated worlds (14 windows) 15.7 % of the first 25 places were vehicles of lines, 172 times their "
    "share of all. 18.5 % of all vehicles of lines were on those places, and 5.8 % of those that nobody had "
    "decided about: most are missed. The other places went to innocent lives: hire cars 21 % (11 times as often "
    "as among all vehicles), people at home there 13 % (0.6 times), couriers 9 % (2.6 times), weekend families 8 "
    "% (3.6 times), contractors 8 % (4 times), tourists 6 % (2.5 times), hauliers 5 %, taxis 3 %, commuters 3 %."
)

PATTERN = Pattern(
    name="county_lines",
    title="County lines",
    unit="vehicle",
    label="an analyst confirmed that the vehicle's movements in the window belong to county lines activity",
    features=FEATURES,
    settings_type=PatternSettings,
    build_windows=build_windows,
    window_table=window_table,
    build_by_day=build_windows_by_day,
    baseline=restocking_rule,
    cautions=CAUTIONS,
    terms=TERMS,
    finds_and_misses=FINDS_AND_MISSES,
    shared_by="Couriers, carers, taxis, split families, commuters and hire cars",
)

__all__ = ["CAUTIONS", "PATTERN", "TERMS", "PatternSettings"]
