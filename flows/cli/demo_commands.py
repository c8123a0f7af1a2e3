"""The command that shows the whole product at work."""

from __future__ import annotations

from flows.cli.frame import app
from flows.cli.options import AsJson, settings


@app.command("demo")
def demo(json: AsJson = False) -> None:
    """The whole loop for three ROCUs on a synthetic world, with a bad batch and a bad promotion refused."""
    from flows.demo import run_demo

    run_demo(settings(), json)
