"""What a policy sets otherwise than another one: key by key, for the audit log and for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from governance.policy.document import RocuPolicy


def differences(usual: RocuPolicy, own: RocuPolicy) -> dict[str, str]:
    """Every value of `own` that is not that of `usual`, as `old -> new` by dotted key."""
    before, after = (dict(leaves(policy.model_dump(mode="json"))) for policy in (usual, own))
    return {
        key: f"{before.get(key)} -> {after.get(key)}"
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    }


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested mappings by dotted key."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
