"""Stays between journeys, the base place, and what stays away from it say.

The base is found from the data: the grid cell with the longest total stay in the window, and in it the camera of the
longest single stay; ties go to the higher number in the order of places. Time before the first read counts for the
place of that read, time after the last read for its place: a vehicle that is only seen setting out and coming back has
its base where it set out.
"""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from models.features.engines import Keeper
from models.features.feature import Feature, count_where, ratio, whole_km
from models.features.layers import Layers, Span, as_whole
from models.features.settings import PatternSettings
from models.places import code_of, metres, value_of, with_code, with_vector

FEATURES = (
    Feature(
        "base_share",
        "share of the window",
        "double",
        "a settled base, as against a vehicle without one (B10)",
        ("around its base when last read for {base_share:%} of the window, time before its first read included",),
    ),
    Feature(
        "away_places",
        "grid cells",
        "int64",
        "how many different places away from the base it stays at (B1)",
        ("stays at {away_places:place|places} {away_km} km or more from its base in {window_days} days",),
    ),
    Feature("away_stays", "stays", "int64", "stays away from the base that began and ended in the window (B1, B5)"),
    Feature(
        "away_stay_median_min",
        "minutes",
        "double",
        "a short turnaround away (commuting: B2), or long ones (B5)",
        ("median stay {away_stay_median_min:span} over {away_stays:stay|stays} {away_km} km or more from its base",),
    ),
    Feature(
        "away_stay_min_min",
        "minutes",
        "double",
        "the shortest turnaround away (B2)",
        ("shortest stay {away_km} km or more from its base: {away_stay_min_min:span}",),
    ),
    Feature(
        "short_stay_share",
        "share of away stays",
        "double",
        "dropping off rather than visiting (B2)",
        ("{short_stay_share:%} of {away_stays:stay|stays} away lasted up to {short_stay_minutes} min",),
        says_from=(("away_stays", 2),),
    ),
    Feature(
        "multi_day_stays",
        "stays",
        "int64",
        "days or weeks in the town (holidaying, cuckooing: B5)",
        ("{multi_day_stays:stay|stays} of {long_stay_hours} hours or more, {away_km} km or more from its base",),
    ),
    Feature(
        "longest_away_stay_h",
        "hours",
        "double",
        "a base in the town (B5)",
        ("longest stay {away_km} km or more from its base: {longest_away_stay_h:hours}",),
    ),
    Feature(
        "farthest_km",
        "km",
        "int64",
        "how far from its base it was read, rounded up (B1, B10)",
        ("seen up to {farthest_km:km} from its base",),
    ),
)


def pass_table(moves: Table) -> Table:
    """Where journeys passed: vid, start (of the journey, as moves have it), place."""
    return moves.select("vid", "place", "start")


def stay_table(journeys: Table, span: Span) -> Table:
    """Where a vehicle was between its journeys, before the first and after the last.

    Returns:
        vid, seq (order within the vehicle: `start` of the journey that led here, one less before the first), place,
        arrived and left (epoch seconds), stay_s, bounded (both ends were seen), set_out (second in which the journey
        that led here began, null before the first).
    """
    after = journeys.select(
        vid=journeys.vid,
        seq=journeys.start,
        place=journeys.destination,
        arrived=journeys.end_second,
        left=journeys.next_start.fill_null(span.end),
        bounded=journeys.next_start.notnull(),
        set_out=journeys.start_second,
    )
    first = journeys.filter(journeys["first"])
    before = first.select(
        vid=first.vid,
        seq=first.start - 1,
        place=first.origin,
        arrived=as_whole(span.begin),
        left=first.start_second,
        bounded=ibis.literal(False),
        set_out=ibis.null("int64"),
    )
    stays = ibis.union(after, before)
    return stays.mutate(stay_s=stays.left - stays.arrived)


def base_table(stays: Table, places: Table) -> Table:
    """The base of each vehicle: vid, base (place), base_cell, base_s (seconds in its cell)."""
    celled = stays.join(places.select("place", "cell"), "place")
    by_cell = celled.group_by(["vid", "cell"]).agg(
        seconds=celled.stay_s.sum(), top=with_code(celled.stay_s, celled.place).max()
    )
    best = by_cell.group_by("vid").agg(best=with_code(by_cell.seconds, by_cell.cell).max())
    best = best.select("vid", cell=code_of(best.best).cast("int32"), base_s=value_of(best.best))
    found = best.join(by_cell, ["vid", "cell"])
    return found.select("vid", base=code_of(found.top).cast("int32"), base_cell="cell", base_s="base_s")


def reached_table(passes: Table, bases: Table, places: Table) -> Table:
    """Per journey the place that it passed farthest from the base: vid, seq, reached (metres and grid cell as one).

    Args:
        passes: `pass_table`.
        bases: `base_table`.
        places: `models.places.place_table`.
    """
    ends = passes.join(bases.select("vid", "base"), "vid")
    ends = with_vector(with_vector(ends, places, "base", "a_"), places, "place", "b_")
    found = ends.group_by(["vid", "start"]).agg(reached=with_code(metres(ends, "a_", "b_"), ends.b_cell).max())
    return found.rename(seq="start")


def placed_stays(
    stays: Table, bases: Table, reached: Table, places: Table, settings: PatternSettings, engine: Keeper
) -> Table:
    """Stays seen from the base.

    Args:
        stays: `stay_table`.
        bases: `base_table`.
        reached: `reached_table`, of the journeys between them.
        places: `models.places.place_table`.
        settings: How far is away.
        engine: Puts the stays in line.

    Returns:
        vid, arrived, stay_s, bounded, set_out (see `stay_table`), base_s, base_cell, cell, far_m and far_cell (the
        farthest from the base that the journey to it passed), at_base, away (`away_km` or more),
        outing (number of base stays before this one; the base stay that closes an outing shares its number).
    """
    joined = stays.join(bases, "vid").left_join(reached, ["vid", "seq"]).drop("vid_right", "seq_right")
    ends = with_vector(with_vector(joined, places, "base", "a_"), places, "place", "b_")
    away_m = metres(ends, "a_", "b_")
    far = ends.reached.fill_null(with_code(away_m, ends.b_cell))
    at_base = (away_m <= settings.place_km * 1000) & (away_m < settings.away_km * 1000)
    named = ends.select(
        "vid",
        "seq",
        "arrived",
        "stay_s",
        "bounded",
        "set_out",
        "base_s",
        "base_cell",
        cell=ends.b_cell,
        far_m=value_of(far),
        far_cell=code_of(far),
        at_base=at_base.cast("int8"),
        away=away_m >= settings.away_km * 1000,
    )
    line = engine.line_up(named, "vid", ("seq",))
    rows = line.rows.mutate(
        first=(line.rows.vid.lag().over(line.beside) != line.rows.vid).fill_null(True),
        before=line.rows.at_base.sum().over(line.so_far) - line.rows.at_base,
    )
    of_others = ibis.ifelse(rows["first"], rows.before, ibis.null("int64")).max().over(line.so_far)
    return rows.select(
        *(column for column in named.columns if column != "seq"), outing=(rows.before - of_others).cast("int32")
    )


def stay_features(layers: Layers) -> Table:
    """The features of this module, one row per vehicle, and `base_cell`."""
    stays, settings = layers.stays, layers.settings
    known = stays.away & stays.bounded
    minutes = stays.stay_s // 60
    found = stays.group_by("vid").agg(
        base_cell=stays.base_cell.max(),
        base_s=stays.base_s.max(),
        away_stays=count_where(known),
        away_stay_median_min=minutes.quantile(0.5, where=known),
        away_stay_min_min=minutes.min(where=known).cast("float64"),
        short=count_where(known & (stays.stay_s <= settings.short_stay_minutes * 60)),
        multi_day_stays=count_where(known & (stays.stay_s >= settings.long_stay_hours * 3600)),
        longest_s=stays.stay_s.max(where=known),
        farthest_km=whole_km(stays.far_m.max()),
    )
    away = stays.filter(stays.away)
    cells = away.group_by(["vid", "cell"]).agg(stays=away.count())
    found = found.left_join(cells.group_by("vid").agg(away_places=cells.count()), "vid").drop("vid_right")
    length = as_whole(layers.span.end - layers.span.begin)
    return found.mutate(
        base_share=ratio(found.base_s, length),
        short_stay_share=ratio(found.short, found.away_stays),
        longest_away_stay_h=ratio(found.longest_s, ibis.literal(3600, "int64")),
    ).drop("base_s", "short", "longest_s")
