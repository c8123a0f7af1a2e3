"""Makes a registered version again from its record and says whether it is the same.

The pinned parts are checked first, each by its SHA-256; then the whole pipeline runs in a fresh workspace, from nothing
but the pinned inputs. Does not belong here: any way to train that is not the pipeline.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from infra.lake import Lake
from infra.settings import Settings
from models.code_state import CodeState, code_state
from models.inputs import require_unchanged
from models.pipeline import OnProgress, remove_workspace, run_training
from models.registry import Registry
from models.training import text_sha256


@dataclass(frozen=True)
class Reproduction:
    """A version made again.

    Args:
        expected_sha256: Of the registered text, as recorded.
        actual_sha256: Of the text made now.
        same: Both are equal.
        snapshot_same: The snapshots have the same digest; if not, the difference came in before the fit.
        code_same: The same code ran. A difference that goes with other code is explained by it.
    """

    model: str
    version: str
    expected_sha256: str
    actual_sha256: str
    expected_snapshot: str
    actual_snapshot: str
    code_then: CodeState
    code_now: CodeState
    lightgbm_then: str
    lightgbm_now: str
    seconds: dict[str, float]

    @property
    def same(self) -> bool:
        """Whether the version can be made again."""
        return self.expected_sha256 == self.actual_sha256

    @property
    def snapshot_same(self) -> bool:
        """Whether the training snapshot came out the same."""
        return self.expected_snapshot == self.actual_snapshot

    @property
    def commit_same(self) -> bool:
        """Whether the commit is the same."""
        return self.code_then.commit == self.code_now.commit

    @property
    def code_same(self) -> bool:
        """Whether the source that decides a model is the same, whatever the commit."""
        return self.code_then.source_digest == self.code_now.source_digest


def reproduce(
    settings: Settings,
    lake: Lake,
    registry: Registry,
    model: str,
    version: str,
    on_progress: OnProgress | None = None,
    tell: OnProgress | None = None,
) -> Reproduction:
    """Train a version again and compare digests; `on_progress` and `tell` as `run_training` takes them.

    Raises:
        WrongInputError: There is no such version.
        RefusedError: The version is not as it was signed, or pinned parts are missing or changed.
        FaultError: The registry does not answer, or a stage broke off.
    """
    record = registry.verified(model, version).record
    require_unchanged(lake, record.inputs)
    workspace = (
        settings.root / "workspaces" / f"rocu={record.inputs.rocu}" / f"reproduce-{version}-{secrets.token_hex(4)}"
    )
    try:
        outputs = run_training(settings, lake, record.inputs, workspace, on_progress, tell)
    finally:
        remove_workspace(workspace)
    return Reproduction(
        model=model,
        version=version,
        expected_sha256=record.training.text_sha256,
        actual_sha256=text_sha256(outputs.model_text),
        expected_snapshot=record.snapshot.sha256,
        actual_snapshot=outputs.snapshot.sha256,
        code_then=record.code,
        code_now=code_state(),
        lightgbm_then=record.training.lightgbm_version,
        lightgbm_now=outputs.training.lightgbm_version,
        seconds=outputs.seconds,
    )
