"""The Prefect flows: the order of the steps, what is retried, what a run is called and what it leaves to look at.

Belongs here: order, retries, names. Does not: rules; every rule is behind a step. Parameters are plain, because Prefect
keeps them: a file name can hold a plate, so files come from the inbox or in memory, never as a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect import Flow, State, flow, runtime, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import publish
from flows.context import Context, open_context
from flows.inbox import clear_judged, waiting_files
from flows.outcomes import can_help, ended, own_words_only
from flows.steps.inbox import FilesSetAside
from flows.steps.results import StepResult
from infra.errors import WrongInputError
from infra.settings import load_settings

PATTERN = "county_lines"
RETRIES = 2
RETRY_DELAYS_SECONDS = [2, 60]


@dataclass(frozen=True)
class Acting:
    """Who a flow run acts as, and what must not become a parameter.

    Args:
        context: The signed-in session.
        files: Files to ingest; empty means whatever waits in the inbox.
        replaces: The failed batch that they are delivered for again.
        reason: Why batches are judged again.
    """

    context: Context
    files: tuple[Path, ...] = ()
    replaces: str | None = None
    reason: str | None = None


class NothingWaiting(StepResult):
    """The result of an ingest that found an empty inbox."""

    rocu: str
    files: int = 0


_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(acting: Acting) -> Iterator[None]:
    """Let the flows that are called in this block act as this session; without it, a run signs in by its own token."""
    token = _acting.set(acting)
    try:
        yield
    finally:
        _acting.reset(token)


def _session() -> Acting:
    return _acting.get() or Acting(open_context(load_settings()))


def data_date(due: datetime) -> date:
    """The date that a scheduled run is about: the last UTC day that was over when the run was due.

    A run that starts late is still about the date that it was due for.
    """
    return due.astimezone(UTC).date() - timedelta(days=1)


def run_date(as_of: date | None) -> date:
    """The date given, or else the date that this flow run is about by its schedule."""
    return as_of or data_date(runtime.flow_run.scheduled_start_time or datetime.now(UTC))


def run_name() -> str:
    """`score nwrocu 2026-05-03`: flow, ROCU, data date."""
    parameters = runtime.flow_run.parameters
    as_of = parameters.get("as_of")
    day = date.fromisoformat(as_of) if isinstance(as_of, str) else as_of
    return f"{runtime.flow_run.flow_name} {parameters['rocu']} {run_date(day)}"


def perform(name: str, context: Context, rocu: str, day: date, **arguments: Any) -> StepResult:
    """Run one step as a Prefect task and publish its result. The task has no parameters, so Prefect keeps none.

    Raises:
        FindProfileError: What the step raised, without the errors that caused it.
    """

    def step() -> StepResult:
        from flows import steps

        with own_words_only(name):
            result: StepResult = getattr(steps, name)(context, rocu, **arguments)
            publish(name, rocu, day, result)
            return result

    made: StepResult = task(
        step,
        name=name,
        task_run_name=f"{name} {rocu} {day}",
        retries=RETRIES,
        retry_delay_seconds=RETRY_DELAYS_SECONDS,
        retry_condition_fn=can_help,
        persist_result=False,
        cache_policy=NO_CACHE,
    )()
    return made


def _ingest(acting: Acting, rocu: str, day: date, source: str) -> StepResult:
    context = acting.context
    if acting.files:
        return perform("ingest", context, rocu, day, files=acting.files, source=source, replaces=acting.replaces)
    files = waiting_files(context.settings, rocu)
    if not files:
        return NothingWaiting(rocu=rocu)
    try:
        return _ingest_waiting(context, rocu, day, source, files)
    finally:
        clear_judged(context.lake, rocu, files)


def _ingest_waiting(context: Context, rocu: str, day: date, source: str, files: tuple[Path, ...]) -> StepResult:
    try:
        return perform("ingest", context, rocu, day, files=files, source=source)
    except WrongInputError:
        aside = perform("set_aside", context, rocu, day, files=files, source=source)
        left = aside.takeable if isinstance(aside, FilesSetAside) else files
        if len(left) == len(files):
            raise
        return perform("ingest", context, rocu, day, files=left, source=source) if left else aside


def _dated(name: str, acting: Acting, rocu: str, pattern: str, day: date, **more: bool) -> StepResult:
    return perform(name, acting.context, rocu, day, pattern=pattern, as_of=day, **more)


def _flow(function: Callable[..., State[Any]]) -> Flow[..., Any]:
    return flow(function, name=function.__name__, flow_run_name=run_name, persist_result=False)


@_flow
def ingest(rocu: str, source: str = "canonical", as_of: date | None = None) -> State[Any]:
    """Check what waits in the ROCU's inbox against the contract and put it into the lake."""
    return ended(lambda: _ingest(_session(), rocu, run_date(as_of), source))


@_flow
def requalify(rocu: str, first: date, last: date, as_of: date | None = None) -> State[Any]:
    """Judge the batches of some days again by the contract, the limits and the camera register of now."""

    def again() -> StepResult:
        acting = _session()
        return perform("requalify", acting.context, rocu, run_date(as_of), first=first, last=last, reason=acting.reason)

    return ended(again)


@_flow
def retrain(rocu: str, pattern: str = PATTERN, as_of: date | None = None) -> State[Any]:
    """Train a challenger on what was known on a date, and register it."""
    return ended(lambda: _dated("retrain", _session(), rocu, pattern, run_date(as_of)))


@_flow
def score(rocu: str, pattern: str = PATTERN, as_of: date | None = None, shadow: bool = False) -> State[Any]:
    """Rank the vehicles of a window with the champion, and with versions in shadow, unseen."""
    return ended(lambda: _dated("score", _session(), rocu, pattern, run_date(as_of), shadow=shadow))


@_flow
def monitor(rocu: str, pattern: str = PATTERN, as_of: date | None = None) -> State[Any]:
    """Compare the window with the champion's own; recommend, never promote."""
    return ended(lambda: _dated("monitor", _session(), rocu, pattern, run_date(as_of)))


@_flow
def daily(rocu: str, pattern: str = PATTERN, source: str = "canonical", as_of: date | None = None) -> State[Any]:
    """Ingest the inbox, score, monitor. What refuses or breaks stops all that comes behind it."""

    def day() -> StepResult:
        acting = _session()
        _ingest(acting, rocu, run_date(as_of), source)
        _dated("score", acting, rocu, pattern, run_date(as_of))
        return _dated("monitor", acting, rocu, pattern, run_date(as_of))

    return ended(day)


FLOWS: dict[str, Flow[..., Any]] = {made.name: made for made in (ingest, requalify, retrain, score, monitor, daily)}
