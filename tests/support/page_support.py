"""What tests of pages look with: the outline that a reader's tools see, and the checks that every page must pass."""

from __future__ import annotations

import re
from html.parser import HTMLParser


class Outline(HTMLParser):
    """Tags in balance, addresses, headings, images with their texts."""

    VOID = frozenset({"meta", "br", "img", "link", "input", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def check_asks_nobody(html: str) -> None:
    """The page loads nothing and runs nothing; its links lead to itself or to a file beside it."""
    outline = Outline(html)
    for tag in ("script", "link", "iframe", "object", "embed", "base", "form"):
        assert outline.named(tag) == []
    for tag, attributes in outline.tags:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        for name in ("src", "href", "srcset", "action", "data", "xlink:href"):
            target = attributes.get(name)
            assert target is None or target.startswith(("data:", "#")) or re.fullmatch(r"[\w.]+\.html", target), (
                tag,
                target,
            )
    assert "url(" not in html
    assert "@import" not in html


def check_readable(html: str) -> None:
    """The page can be read by everybody: language, one first heading, texts of pictures, heads of tables."""
    outline = Outline(html)
    assert [attributes["lang"] for attributes in outline.named("html")] == ["en-GB"]
    assert len(outline.named("h1")) == 1
    assert all(attributes.get("alt") for attributes in outline.named("img"))
    assert all("scope" in attributes for attributes in outline.named("th"))
    assert all(a.get("role") == "img" or a.get("aria-hidden") for a in outline.named("svg"))
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
