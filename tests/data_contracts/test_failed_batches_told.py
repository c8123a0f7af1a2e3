"""A refusal names a few failed batches, and says where the others are listed."""

from __future__ import annotations

from datetime import date

import pytest

from data_contracts.layers.manifests import BatchManifest
from flows.steps.data import _require_none_failed
from infra.errors import RefusedError


def failed(number):
    return BatchManifest(
        batch_id=f"{number:016x}",
        sha256="0" * 64,
        size_bytes=1,
        delivered_as="one.csv",
        source="canonical",
        rows=1,
        accepted=0,
        quarantined=1,
        duplicates=0,
        rules={"vrm_missing": 1},
        verdict="failed",
        reasons=("too_many_rejected: 1 of 1 rows. The rule: x",),
        dates=(date(2026, 5, 18),),
    )


@pytest.mark.parametrize(("number", "more"), [(5, None), (9, "and 4 more; findprofile batches list --rocu nwrocu")])
def test_five_failed_batches_are_named(number, more):
    with pytest.raises(RefusedError) as refused:
        _require_none_failed("nwrocu", [failed(one) for one in range(number)])
    assert str(refused.value).count("too_many_rejected") == 5
    assert (more is None) or more in str(refused.value)
    assert more is not None or "more" not in str(refused.value)


def test_a_failed_batch_without_a_readable_time_stands_in_the_way_of_any_day():
    batches = [failed(1), failed(2).model_copy(update={"dates": ()})]
    with pytest.raises(RefusedError, match="for nwrocu on any day until"):
        _require_none_failed("nwrocu", batches)
    with pytest.raises(RefusedError, match="on 2026-05-18 until"):
        _require_none_failed("nwrocu", batches[:1])
