"""The page of a made-up ranked list."""

from __future__ import annotations

from record_page import sha

from governance.pages.models import AnalystListPage, AnalystRow, Fact

TOKEN = "bcdfghjklmnpqrstbcdfghjklmnpqrst"


def analyst_list(**changes: object) -> AnalystListPage:
    page = AnalystListPage(
        rocu="nwrocu",
        region="North West",
        pattern="county_lines",
        shared_by="Couriers, carers and taxis",
        as_of="2026-05-03",
        window="2026-04-06 to 2026-05-03",
        run_id="5f2c9d81aa01b6e4",
        made_at="2026-05-04 06:30",
        vehicles_scored=20412,
        assessment=(
            Fact(name="Model", value="county_lines.nwrocu version 3"),
            Fact(name="Model text", value=sha("m"), code=True),
        ),
        data_notes=("Camera M6-014 was silent from 2026-04-28 to 2026-05-03: trips past it are missing.",),
        rows=(
            AnalystRow(
                rank=1,
                vehicle=TOKEN,
                cautions=("2 pairs of reads would need more than 160 km/h: rule out a cloned or misread plate first.",),
                facts=(
                    "7 trips of over 60 km there and back in 28 days; median stay 42 min",
                    "First seen 19 days before the end of the window",
                ),
                score="0.913",
                against=("Same 3 cameras on 20 of 28 days",),
            ),
            AnalystRow(rank=2, vehicle=TOKEN[::-1], facts=("4 nights away in 28 days, at one place",), score="0.801"),
        ),
    )
    return page.model_copy(update=changes)
