"""How what a step did becomes the state of a Prefect run, and the other way round.

Belongs here: which words may leave a step towards Prefect, whether a retry can help, the names of the states. An
unexpected error's text may quote a raw value, so of such an error only its kind and place are passed on.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.states import Completed, Failed, get_state_exception

from governance.audit.plate_guard import withhold_plates
from infra.errors import FaultError, FindProfileError, RefusedError, WrongInputError

if TYPE_CHECKING:
    from prefect import State, Task
    from prefect.client.schemas.objects import TaskRun

    from flows.steps.results import StepResult

    Outcome = StepResult | FindProfileError


@contextmanager
def own_words_only(what: str) -> Iterator[None]:
    """Pass on our own errors without causes and plates, and of any other error only its kind and place.

    Args:
        what: What is done in the block.

    Raises:
        FindProfileError: Instead of whatever was raised in the block.
    """
    try:
        yield
    except FindProfileError as error:
        raise type(error)(withhold_plates(error.reason), withhold_plates(error.instruction)) from None
    except Exception as error:  # noqa: BLE001  nothing is swallowed: every error goes on, in words that are safe
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise FindProfileError(
            f"The {what} broke: {type(error).__name__} in {Path(place.filename).name}, line {place.lineno}.",
            "Run the same command by hand, without Prefect, to see the whole error; it may quote raw values.",
        ) from None


def can_help(_: Task[..., Any], __: TaskRun, state: State[Any]) -> bool:
    """Whether a retry can help: only after a fault, never after a refusal or wrong input."""
    return state.is_failed() and isinstance(get_state_exception(state), FaultError)


_remembered: ContextVar[list[Outcome] | None] = ContextVar("remembered", default=None)


@contextmanager
def remembering() -> Iterator[list[Outcome]]:
    """Keep what the flow runs of this block came to, in this process.

    A state that the client had to ask the server for again, after a slow answer, comes back without its data.

    Yields:
        The outcomes so far: results, and our own errors.
    """
    outcomes: list[Outcome] = []
    token = _remembered.set(outcomes)
    try:
        yield outcomes
    finally:
        _remembered.reset(token)


def _remember(outcome: Outcome) -> Outcome:
    kept = _remembered.get()
    if kept is not None:
        kept.append(outcome)
    return outcome


def ended(run: Callable[[], StepResult]) -> State[Any]:
    """Do the work of a flow run and turn its outcome into the run's state.

    Returns:
        Completed; or a failed state, its message our reason, named `Refused` or `WrongInput` (a retry cannot help) or
        `Failed`.
    """
    try:
        with own_words_only("flow"):
            return Completed(data=_remember(run()))
    except RefusedError as error:
        return Failed(name="Refused", message=str(error), data=_remember(error))
    except WrongInputError as error:
        return Failed(name="WrongInput", message=str(error), data=_remember(error))
    except FindProfileError as error:
        return Failed(message=str(error), data=_remember(error))


def data_of(state: State[Any], outcomes: Sequence[Outcome]) -> StepResult:
    """The result of a flow run that ended in this process.

    Args:
        state: Of the run, as Prefect has it.
        outcomes: What was remembered of it.

    Raises:
        FindProfileError: What ended the run.
    """
    if not outcomes:
        raise FaultError(f"The flow run ended as {state.name}.", "Look at the run in Prefect and start it again.")
    outcome = outcomes[-1]
    if isinstance(outcome, FindProfileError):
        raise outcome
    return outcome
