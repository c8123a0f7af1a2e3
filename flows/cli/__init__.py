"""The `findprofile` command line: parses, calls one step, prints its result. No rules, no heavy import at start."""

from flows.cli.frame import main, program

__all__ = ["main", "program"]
