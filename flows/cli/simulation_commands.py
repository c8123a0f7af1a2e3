"""The command that makes a synthetic world."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.frame import app
from flows.cli.options import AsJson
from flows.cli.output import as_json, line, say


@app.command("simulate")
def simulate(
    world: Annotated[Path, typer.Option(help="world file (YAML), see simulation/worlds/")],
    out: Annotated[Path, typer.Option(help="folder to write")],
    seed: Annotated[int | None, typer.Option(help="another seed than the world's own")] = None,
    json: AsJson = False,
) -> None:
    """Make a synthetic world: reads, camera registers and dispositions per ROCU; its truth apart in OUT/truth."""
    from simulation.simulate import simulate as run
    from simulation.world import load_world

    def progress(stage: str, done: int, total: int) -> None:
        say(f"{stage} {done}/{total}")

    report = run(load_world(world), out, seed, progress)
    if json:
        as_json(asdict(report))
        return
    for name, value in asdict(report).items():
        line(f"  {name.replace('_', ' ')}: {value}")
