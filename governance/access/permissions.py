"""Who may do what: one table, role by action, asked with the ROCU that the action touches.

Belongs here: the table and the question. Does not: how an identity is verified (infra.identity), or what an action
does. A role is only ever a role *in a ROCU*: a token that names other regions is refused whatever its roles.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

from infra.errors import RefusedError

if TYPE_CHECKING:
    from infra.identity import Identity

Role = Literal["ml_engineer", "operator", "validator", "owner", "governance", "auditor", "analyst"]
Action = Literal[
    "cameras.load",
    "cameras.health",
    "ingest",
    "requalify",
    "inbox.read",
    "inbox.set_aside",
    "inbox.bring_back",
    "quarantine.read",
    "quarantine.release",
    "notes.read",
    "dispositions.load",
    "retrain",
    "score",
    "scores.read",
    "profile.read",
    "vault.reveal",
    "monitor",
    "promote.request",
    "promote.approve",
    "promote.confirm",
    "promote.refuse",
    "promote.rollback",
    "promote.suspend",
    "promote.resume",
    "history.read",
    "models.read",
    "lineage.read",
    "documents.read",
    "batches.read",
    "scoreboard.read",
    "reproduce",
    "audit.verify",
    "audit.search",
    "audit.checkpoint",
    "syops.accept",
    "authority.grant",
    "authority.withdraw",
    "authority.read",
    "token.revoke",
    "policy.load",
    "deploy",
    "status",
]

ROLES: tuple[Role, ...] = get_args(Role)
ACTIONS: tuple[Action, ...] = get_args(Action)
EVERY_ROCU = "*"
_EVERYBODY = frozenset(ROLES)
_STAFF: frozenset[Role] = frozenset({"ml_engineer", "operator", "validator", "owner", "governance", "auditor"})

PERMISSIONS: Mapping[Action, frozenset[Role]] = MappingProxyType(
    {
        "cameras.load": frozenset({"operator"}),
        "cameras.health": _STAFF,
        "ingest": frozenset({"operator"}),
        "requalify": frozenset({"operator"}),
        "inbox.read": frozenset({"operator", "governance", "auditor"}),
        "inbox.set_aside": frozenset({"operator"}),
        "inbox.bring_back": frozenset({"operator"}),
        "quarantine.read": frozenset({"operator", "validator", "governance", "auditor"}),
        "quarantine.release": frozenset({"operator"}),
        # a note is about one vehicle's read, as a row in quarantine is
        "notes.read": frozenset({"operator", "validator", "governance", "auditor"}),
        "dispositions.load": frozenset({"operator", "analyst"}),
        # scheduled retraining runs as a worker, which is an operator; whoever retrains is the trainer
        "retrain": frozenset({"ml_engineer", "operator"}),
        "score": frozenset({"operator"}),
        "scores.read": frozenset({"operator", "governance", "analyst"}),
        # operators keep the machine running; looking into one vehicle's life is not part of that
        "profile.read": frozenset({"governance", "analyst"}),
        "vault.reveal": frozenset({"governance", "analyst"}),
        "monitor": frozenset({"ml_engineer", "operator"}),
        "promote.request": frozenset({"ml_engineer"}),
        # whose turn it is follows from the state of the version: validator, owner, and the board (governance) if needed
        "promote.approve": frozenset({"validator", "owner", "governance"}),
        "promote.confirm": frozenset({"owner", "governance"}),
        "promote.refuse": frozenset({"validator", "owner", "governance"}),
        "promote.rollback": frozenset({"ml_engineer", "owner", "governance"}),
        # stopping takes one person of any role; starting again takes two
        "promote.suspend": _EVERYBODY,
        "promote.resume": frozenset({"owner", "governance"}),
        "history.read": _EVERYBODY,
        "models.read": _STAFF,
        "lineage.read": _STAFF,
        # model card and approval sheet hold nothing about a vehicle; whoever works with a model may read them
        "documents.read": _EVERYBODY,
        "batches.read": _STAFF,
        "scoreboard.read": _STAFF,
        "reproduce": frozenset({"ml_engineer", "validator", "governance", "auditor"}),
        "audit.verify": frozenset({"operator", "governance", "auditor"}),
        "audit.search": frozenset({"governance", "auditor"}),
        "audit.checkpoint": frozenset({"operator", "governance", "auditor"}),
        "syops.accept": _EVERYBODY,
        # whoever grants an authority may not run under it, whatever other role they hold: run_authority sees to that
        "authority.grant": frozenset({"owner", "governance"}),
        "authority.withdraw": frozenset({"owner", "governance"}),
        "authority.read": _EVERYBODY,
        # of somebody else; everybody may revoke what is their own
        "token.revoke": frozenset({"owner", "governance"}),
        "policy.load": frozenset({"governance"}),
        "deploy": frozenset({"operator"}),
        "status": _EVERYBODY,
    }
)

# These look at the installation as a whole, so they may be asked without a ROCU.
INSTALLATION_WIDE: frozenset[Action] = frozenset({"audit.verify", "audit.checkpoint", "deploy", "status"})


def allowed(roles: frozenset[str], action: str) -> bool:
    """Whether any of the roles may do the action, in a ROCU of its own."""
    return any(action == known and not roles.isdisjoint(may) for known, may in PERMISSIONS.items())


def require(identity: Identity, action: str, rocu: str | None) -> None:
    """Refuse unless the identity may do the action in the ROCU.

    Args:
        identity: A verified identity.
        action: One of `ACTIONS`.
        rocu: The ROCU that the action touches; `None` only for the actions in `INSTALLATION_WIDE`.

    Raises:
        RefusedError: Another role is needed, or the token does not name this ROCU.
    """
    if action not in ACTIONS:
        raise RefusedError(f"There is no action {action!r} in the permission table.", "Use a command of findprofile.")
    if not allowed(identity.roles, action):
        may = " or ".join(role for role in ROLES if allowed(frozenset({role}), action))
        raise RefusedError(
            f"{identity.name} ({_listed(identity.roles)}) may not do {action}.", f"Act with a token of role {may}."
        )
    if rocu is None:
        if action not in INSTALLATION_WIDE:
            raise RefusedError(f"The action {action} needs a ROCU.", "Name the ROCU that it is about.")
        return
    if EVERY_ROCU not in identity.rocus and rocu not in identity.rocus:
        raise RefusedError(
            f"The token of {identity.name} is for {_listed(identity.rocus)}, not for {rocu}.",
            f"Act with a token that names {rocu}.",
        )


def _listed(values: frozenset[str]) -> str:
    return ", ".join(sorted(values)) or "nothing"
