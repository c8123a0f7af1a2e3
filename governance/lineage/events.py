"""The lineage record: one OpenLineage run event per file, for every step that makes anything.

The only module that knows openlineage. Datasets are named by ROCU, layer and digest, so the same content is the same
dataset wherever it turns up. Belongs here: writing events, and their typed facets. Does not: what they add up to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

import attr
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated.base import DatasetFacet, RunFacet
from openlineage.client.serde import Serde

from governance.audit.plate_guard import withhold_plates
from infra.errors import FaultError, FindProfileError, WrongInputError
from infra.lake import Lake, write_text

NAMESPACE = "findprofile"
PRODUCER = "urn:findprofile"
RUN_FACET = "findprofile_run"
DATASET_FACET = "findprofile_dataset"
EventType = Literal["START", "COMPLETE", "FAIL"]
Sink = Callable[[RunEvent], Any]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class DatasetRef:
    """One dataset of one layer, named by its content.

    Args:
        layer: `landing`, `registers`, `reads`, `quarantine`, `dispositions`, `snapshots`, `models`, `scores` and so on.
        digest: SHA-256 of the content; of the file as delivered for `landing`.
        name: How people know it: a path below the lake, a file name, a model's name and version. Never a raw VRM.
        rows: Rows in it, where it has rows.
        date: The day that it holds, as YYYY-MM-DD, where it holds one day.
        made_from: Digests of those inputs of its step that it really came from; empty means all of them.
    """

    layer: str
    digest: str
    name: str = ""
    rows: int | None = None
    date: str | None = None
    made_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunFacts:
    """What is to be known of a run beside its datasets; every field is optional."""

    contract_version: str | None = None
    model: str | None = None
    model_version: str | None = None
    commit: str | None = None
    pattern: str | None = None
    as_of: str | None = None
    more: Mapping[str, str] = field(default_factory=dict)


@attr.define
class FindProfileRunFacet(RunFacet):  # type: ignore[misc]  # the library counts as untyped
    """What this project adds to an OpenLineage run."""

    _producer: str = attr.field(default=PRODUCER, kw_only=True)
    run_id: str = attr.field(kw_only=True)
    job: str = attr.field(kw_only=True)
    rocu: str = attr.field(kw_only=True)
    contract_version: str | None = attr.field(default=None, kw_only=True)
    model: str | None = attr.field(default=None, kw_only=True)
    model_version: str | None = attr.field(default=None, kw_only=True)
    commit: str | None = attr.field(default=None, kw_only=True)
    pattern: str | None = attr.field(default=None, kw_only=True)
    as_of: str | None = attr.field(default=None, kw_only=True)
    reason: str | None = attr.field(default=None, kw_only=True)
    more: dict[str, str] = attr.field(factory=dict, kw_only=True)

    @staticmethod
    def _get_schema() -> str:
        return "urn:findprofile:schema:run-facet:1"


@attr.define
class FindProfileDatasetFacet(DatasetFacet):  # type: ignore[misc]  # the library counts as untyped
    """What this project adds to an OpenLineage dataset."""

    _producer: str = attr.field(default=PRODUCER, kw_only=True)
    layer: str = attr.field(kw_only=True)
    sha256: str = attr.field(kw_only=True)
    rocu: str = attr.field(kw_only=True)
    name: str = attr.field(default="", kw_only=True)
    rows: int | None = attr.field(default=None, kw_only=True)
    date: str | None = attr.field(default=None, kw_only=True)
    made_from: list[str] = attr.field(factory=list, kw_only=True)

    @staticmethod
    def _get_schema() -> str:
        return "urn:findprofile:schema:dataset-facet:1"


@dataclass
class Attempt:
    """A step at work: what it adds here is in the event of its failure."""

    inputs: list[DatasetRef] = field(default_factory=list)
    facts: RunFacts = field(default_factory=RunFacts)


@dataclass(frozen=True)
class LineageLog:
    """The lineage record of a lake.

    Args:
        lake: Events lie below its `lineage` folder.
        sinks: Further takers of each new event, called after the file is in place: `OpenLineageClient(…).emit` is one.
    """

    lake: Lake
    sinks: tuple[Sink, ...] = ()

    def record(
        self,
        job: str,
        rocu: str,
        run_id: str,
        inputs: Sequence[DatasetRef],
        outputs: Sequence[DatasetRef],
        facts: RunFacts,
        now: datetime,
        started: datetime | None = None,
    ) -> None:
        """Record a finished step: its START and its COMPLETE. A run that is recorded as complete stays as it is.

        Raises:
            WrongInputError: The job or the run id cannot be part of a file name.
        """
        if self.path(job, rocu, run_id, "COMPLETE").is_file():
            return
        self._write("START", job, rocu, run_id, inputs, (), facts, started or now, None)
        self._write("COMPLETE", job, rocu, run_id, inputs, outputs, facts, now, None)

    @contextmanager
    def attempt(
        self, job: str, rocu: str, known: Callable[[], Sequence[DatasetRef]], clock: Callable[[], datetime]
    ) -> Iterator[Attempt]:
        """Record a step that ends by an error, as a run of its own: its START and its FAIL; nothing if it ends well.

        What a good end is called is known only at the end, so it is for `record`. Input that the step does not take at
        all has begun no run, and nothing is written.

        Args:
            job: What was tried.
            rocu: Whose.
            known: Gives inputs that are known without the step's help; asked after an error only.
            clock: Gives the time.

        Yields:
            The step, to which the block adds inputs and facts as it learns them.
        """
        started = clock()
        step, run_id = Attempt(), f"failed-{started:%Y%m%dT%H%M%S%f}"
        reason = "the step ended by an error"
        done = False
        try:
            yield step
            done = True
        except WrongInputError:
            done = True
            raise
        except FindProfileError as error:
            # a reason may name a file, and a file's name may hold a plate
            reason = withhold_plates(error.reason)
            raise
        finally:
            if not done:
                # on a full disk it is the step's own error that is told
                with suppress(FaultError, OSError):
                    inputs = (*step.inputs, *known())
                    self._write("START", job, rocu, run_id, inputs, (), step.facts, started, None)
                    self.fail(job, rocu, run_id, inputs, step.facts, reason, clock())

    def fail(
        self,
        job: str,
        rocu: str,
        run_id: str,
        inputs: Sequence[DatasetRef],
        facts: RunFacts,
        reason: str,
        now: datetime,
    ) -> None:
        """Record a step that failed or was refused, with the reason (which never holds a raw VRM)."""
        self._write("FAIL", job, rocu, run_id, inputs, (), facts, now, reason)

    def path(self, job: str, rocu: str, run_id: str, event: EventType) -> Path:
        """Where an event lies.

        Raises:
            WrongInputError: The job or the run id cannot be part of a file name.
        """
        for part in (job, run_id):
            if not _NAME.fullmatch(part):
                raise WrongInputError(
                    f"{part!r} cannot name a run.", "Use letters, digits, dots, dashes and underscores."
                )
        return self.lake.folder("lineage", rocu) / f"{run_id}-{job}-{event}.json"

    def _write(
        self,
        event: EventType,
        job: str,
        rocu: str,
        run_id: str,
        inputs: Sequence[DatasetRef],
        outputs: Sequence[DatasetRef],
        facts: RunFacts,
        at: datetime,
        reason: str | None,
    ) -> None:
        made = RunEvent(
            eventType=RunState(event),
            eventTime=at.isoformat(),
            run=Run(_uuid(job, rocu, run_id), {RUN_FACET: _run_facet(job, rocu, run_id, facts, reason)}),
            job=Job(NAMESPACE, f"{job}.{rocu}"),
            inputs=[InputDataset(NAMESPACE, _name(rocu, d), facets=_facets(rocu, d)) for d in inputs],
            outputs=[OutputDataset(NAMESPACE, _name(rocu, d), facets=_facets(rocu, d)) for d in outputs],
            producer=PRODUCER,
        )
        write_text(self.path(job, rocu, run_id, event), Serde.to_json(made, indent=1) + "\n")
        for sink in self.sinks:
            sink(made)


def _uuid(job: str, rocu: str, run_id: str) -> str:
    """OpenLineage wants a UUID: made from the names, so that a repeated run has the same one."""
    return str(uuid5(NAMESPACE_URL, f"{PRODUCER}:{rocu}:{job}:{run_id}"))


def _name(rocu: str, dataset: DatasetRef) -> str:
    return f"{rocu}/{dataset.layer}/{dataset.digest}"


def _run_facet(job: str, rocu: str, run_id: str, facts: RunFacts, reason: str | None) -> FindProfileRunFacet:
    return FindProfileRunFacet(
        run_id=run_id,
        job=job,
        rocu=rocu,
        contract_version=facts.contract_version,
        model=facts.model,
        model_version=facts.model_version,
        commit=facts.commit,
        pattern=facts.pattern,
        as_of=facts.as_of,
        reason=reason,
        more=dict(facts.more),
    )


def _facets(rocu: str, dataset: DatasetRef) -> dict[str, DatasetFacet]:
    return {
        DATASET_FACET: FindProfileDatasetFacet(
            layer=dataset.layer,
            sha256=dataset.digest,
            rocu=rocu,
            name=dataset.name,
            rows=dataset.rows,
            date=dataset.date,
            made_from=list(dataset.made_from),
        )
    }
