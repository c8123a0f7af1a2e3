"""The story of the demo: eight weeks, a first model per ROCU; two more weeks, an outage, a change, two refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from flows.cli.output import as_json, line
from flows.demo.chapters import (
    authorise_runs,
    bring_data,
    bring_model_into_force,
    deploy_everything,
    follow_a_row_back,
    later_weeks,
    make_world,
    refuse_bad_batch,
    refuse_bad_promotion,
    score_first,
    train_first,
    watch,
)
from flows.demo.outcome import outcome_rows, show_outcome
from flows.demo.stage import Stage
from infra.settings import Settings

ROCUS = ("nwrocu", "yhrocu", "emsou")
LAST_CHAPTER = "trace"


def run_demo(settings: Settings, json_wanted: bool) -> None:
    """Tell the whole story; a second run says what is done and ends quickly.

    Raises:
        FindProfileError: A step did not do what the story says; nothing is hidden.
    """
    stage = Stage(settings)
    with ExitStack() as stack:
        world = _world_and_server(stage, stack)
        for rocu in ROCUS:
            line()
            bring_data(stage, rocu, world)
            train_first(stage, rocu)
            authorise_runs(stage, rocu)
            bring_model_into_force(stage, rocu)
            score_first(stage, rocu)
        line()
        stage.say("Two weeks later")
        refuse_bad_batch(stage, ROCUS[0], world)
        for rocu in ROCUS:
            later_weeks(stage, rocu, world)
            watch(stage, rocu)
        line()
        refused = refuse_bad_promotion(stage, ROCUS[0])
        deploy_everything(stage, ROCUS)
        follow_a_row_back(stage, ROCUS[0], ROCUS)
    rows = outcome_rows(stage, ROCUS)
    line()
    if json_wanted:
        as_json(rows)
    else:
        show_outcome(stage, rows, refused)


def _world_and_server(stage: Stage, stack: ExitStack) -> Path:
    """Make the world while the Prefect server starts; a run with nothing left to do needs neither."""
    if stage.played(LAST_CHAPTER):
        return make_world(stage)
    from flows.server import running_server

    with ThreadPoolExecutor(max_workers=1) as executor:
        stage.say("starting a Prefect server for the flows")
        starting = executor.submit(stack.enter_context, running_server(stage.settings))
        world = make_world(stage)
        stage.settings = starting.result()
    stage.say(f"Prefect answers at {stage.settings.prefect_api_url}")
    return world
