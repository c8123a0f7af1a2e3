"""Where templates come from and how they are read: everything is escaped, a missing field is an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"


def make_environment(filters: Mapping[str, Callable[..., Any]]) -> Environment:
    """The templates of all pages, with the stylesheet of all and these filters."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["stylesheet"] = stylesheet("page.css")
    environment.filters |= filters
    return environment


def stylesheet(name: str) -> Markup:
    """One of our own files: it goes into the page as it is."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704
