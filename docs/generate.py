"""Writes the reference pages that are made from the code: commands, settings, features. `make docs` runs it.

The page on promotion is written by hand, but for the picture and the table of a version's life inside it. A test
holds the committed pages against `pages()`, so that they cannot fall behind the code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    from models.patterns import features_reference

    return {
        "commands.md": commands_page(),
        "settings.md": settings_page(),
        "limits.md": limits_page(),
        "features.md": features_reference(),
        "features-convoy.md": features_reference("convoy"),
        "promotion.md": promotion_page(),
        "../README.md": readme(),
    }


def readme() -> str:
    """The README with the table of roles made anew from the table of permissions."""
    text = (HERE.parent / "README.md").read_text(encoding="utf-8")
    return _between(text, "roles", roles_table(), "governance/access/permissions.py")


ROLES = {
    "operator": "keeps it running: data in, scores out, quarantine, schedules",
    "ml_engineer": "trains, compares, asks for promotion",
    "validator": "approves first, after a look at the evidence",
    "owner": "answers for the model: approves second, confirms, grants authorities",
    "governance": "sets the policy, sits on the board, looks into the log; sees vehicles as analysts do",
    "auditor": "verifies and searches the log",
    "analyst": "reads lists and profiles, sends findings back",
}
FOR_ANYBODY = ("contracts", "demo", "drift", "simulate", "syops show", "token issue", "worker")
"""Commands, and groups of them, that act for nobody, or take their permission from what they start."""
# actions whose commands have other names than the action
COMMANDS = {
    "quarantine.read": ("quarantine list", "quarantine show"),
    "notes.read": (),  # the single notes in `batches show`
    "inbox.read": ("inbox list",),
    "inbox.set_aside": (),  # the scheduled ingest does it
    "retrain": ("retrain", "tune"),
    "inbox.bring_back": ("inbox bring-back",),
    "scores.read": ("scores",),
    "profile.read": ("profile",),
    "promote.rollback": ("promote rollback", "promote reconcile"),
    "history.read": ("promote history", "policy show"),
    "models.read": ("models list", "models show", "models compare", "models history"),
    "lineage.read": ("lineage",),
    "documents.read": ("documents",),
    "batches.read": ("batches list", "batches show", "batches docs"),
    "scoreboard.read": ("scoreboard",),
    "authority.read": ("authority list", "authority show"),
    "deploy": ("deploy", "schedules"),
}


def roles_table() -> str:
    """Each role with the commands that the table of permissions lets it use; what all or nearly all may do, once."""
    from governance.access.permissions import PERMISSIONS

    everybody = frozenset(ROLES)
    groups = {"anybody": everybody, "all but analysts": everybody - {"analyst"}}
    rows = []
    for role, what in ROLES.items():
        own = [action for action, may in PERMISSIONS.items() if role in may and may not in groups.values()]
        rows.append(f"| {role} | {what} | {_commands_of(own)} |")
    for name, roles in groups.items():
        shared = [action for action, may in PERMISSIONS.items() if may == roles]
        rows.append(f"| {name} | beside these | {_commands_of(shared)} |")
    free = [command for command in _all_commands() if command.startswith(FOR_ANYBODY)]
    rows.append(f"| without a role | ask for no permission of their own | {_named(free)} |")
    return "\n".join(["| role | what it is for | `findprofile` … |", "|---|---|---|", *rows])


def _commands_of(actions: list[str]) -> str:
    return _named(command for action in actions for command in COMMANDS.get(action, (action.replace(".", " "),)))


def _named(commands: Iterable[str]) -> str:
    return ", ".join(f"`{command}`" for command in commands)


def _all_commands() -> list[str]:
    return re.findall("^## findprofile (.*)$", commands_page(), re.MULTILINE)


def promotion_page() -> str:
    """The page on promotion, with the picture and the table of a version's life made anew from the code."""
    from governance.promotion.life import moves_table, state_diagram

    text = (HERE / "promotion.md").read_text(encoding="utf-8")
    text = _between(text, "picture", f"```mermaid\n{state_diagram()}\n```")
    return _between(text, "table", moves_table())


def _between(text: str, name: str, made: str, source: str = "governance/promotion/life.py") -> str:
    start, end = f"<!-- {name}: made from {source} by make docs -->", f"<!-- end of {name} -->"
    before, rest = text.split(start, 1)
    return f"{before}{start}\n{made}\n{end}{rest.split(end, 1)[1]}"


def commands_page() -> str:
    """Every command with its arguments and options, as the command line itself knows them."""
    from typer.main import get_command

    import flows.cli.commands  # noqa: F401  registers the commands
    from flows.cli.frame import app

    head = (
        "# Commands\n\nMade from the code by `make docs`. Exit code: 0 done, 1 refused (a gate, a contract or a "
        "permission said no), 2 wrong input, 3 a fault worth a retry. Commands act as `FINDPROFILE_TOKEN`.\n"
    )
    return "\n".join([head, *_commands("findprofile", get_command(app))]).rstrip() + "\n"


def _commands(path: str, command: Any) -> Iterator[str]:
    if hasattr(command, "commands"):
        for name in sorted(command.commands):
            yield from _commands(f"{path} {name}", command.commands[name])
        return
    yield f"## {path}\n\n{(command.help or '').strip()}\n"
    rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
    if rows:
        yield "| argument or option | needed | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _row(parameter: Any) -> str:
    is_option = bool(parameter.opts and parameter.opts[0].startswith("-"))
    name = ", ".join(parameter.opts) if is_option else (parameter.metavar or parameter.name.upper())
    return f"| `{name}` | {'yes' if parameter.required else 'no'} | {getattr(parameter, 'help', None) or ''} |"


def settings_page() -> str:
    """Every setting of a process."""
    from infra.settings import PREFIX, Settings

    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    head = (
        "# Settings\n\nMade from the code by `make docs`. Taken from the environment, once, when a command "
        f"starts; an unknown `{PREFIX}…` is an error.\n\n| variable | default | meaning |\n|---|---|---|"
    )
    return "\n".join([head, *rows]) + "\n"


def limits_page() -> str:
    """Every limit of ingest with its bounds, why these, and which way is stricter."""
    from data_contracts.judgement.limits import IngestLimits
    from governance.policy.strictness import direction_of

    rows = []
    for name, field in IngestLimits.model_fields.items():
        low = _bound(field.metadata, (("ge", ""), ("gt", "over ")))
        high = _bound(field.metadata, (("le", ""), ("lt", "under ")))
        way = direction_of(f"ingest.{name}", 1, 2) if field.annotation in (int, float) else "other"
        stricter = {"stricter": "higher", "weaker": "lower"}.get(way, "")
        why = field.json_schema_extra.get("bounds", "") if isinstance(field.json_schema_extra, dict) else ""
        default = "" if field.default_factory or field.default in (None, ()) else f"`{field.default}`"
        rows.append(f"| `{name}` | {default} | {low} | {high} | {stricter} | {field.description} | {why} |")
    head = (
        "# Limits of ingest\n\nMade from the code by `make docs`. A ROCU sets these under `ingest` of its policy; "
        "`findprofile policy load` shows which change and which way. A policy with a limit beyond its bounds is "
        "refused. The bounds are wide: within them a limit may still be so lax that its rule seldom speaks, and where "
        "an end switches the rule off, its meaning says so. Where no reason stands, a share has the ends that a share "
        "has. No published figure was found for any but the year of retention: defaults and bounds are starting points "
        "of this product; a ROCU writes down why it has others.\n\n"
        "| limit | default | least | most | stricter is | meaning | why these bounds |\n|---|---|---|---|---|---|---|"
    )
    return "\n".join([head, *rows]) + "\n"


def _bound(metadata: list[Any], signs: tuple[tuple[str, str], ...]) -> str:
    found = (f"{word}{getattr(one, sign):,.10g}" for sign, word in signs for one in metadata if hasattr(one, sign))
    return next(found, "")


def _default(value: object) -> str:
    return "" if value is None else f"`{value}`"


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"docs/{name}\n")


if __name__ == "__main__":
    main()
