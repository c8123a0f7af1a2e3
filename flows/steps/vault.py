"""The step that opens the vault for a person: whose vehicles they are, and in which batches they were read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from flows.context import Context, permit
from flows.steps.desk import policy_of
from infra.clock import utc_now
from infra.errors import WrongInputError

if TYPE_CHECKING:
    from data_contracts.layers.manifests import PartRef


def reveal_plates(
    context: Context, rocu: str | None, tokens: Sequence[str], purpose: str, authority: str
) -> dict[str, str]:
    """The plates behind vehicle tokens, each opening recorded before it happens.

    Args:
        context: Who asks.
        rocu: The ROCU whose vehicles they are; without one, the only ROCU of the identity.
        tokens: Vehicle tokens, or two joined by "+" as a list of pairs has them; each vehicle is revealed by itself.
        purpose: One of the policy's purposes.
        authority: A reference in the policy's format.

    Raises:
        RefusedError: No permission, purpose or authority; the log has it.
        WrongInputError: The ROCU is not clear, or a token is unknown there.
    """
    from governance.access.reveal import Asked
    from governance.access.reveal import reveal_plates as reveal
    from governance.canonical import plain_text
    from models.units import units_of

    code = rocu or _only_rocu(context)
    policy = policy_of(context, code)
    permit(context, "vault.reveal", code, f"vehicles of {code}")
    single = dict.fromkeys(token for key in tokens for token in units_of(plain_text(key)))
    wanted = {token: _batches_with(context, code, token) for token in single}
    asked = Asked(purpose=purpose, authority=authority)
    revealed = reveal(
        context.settings, context.lake, context.audit, context.identity, code, wanted, asked, policy, utc_now()
    )
    unknown = [token for token in wanted if token not in revealed]
    if unknown:
        raise WrongInputError(
            f"{code} has no vehicle {', '.join(unknown)}.",
            "Give tokens as findprofile scores prints them, and its ROCU.",
        )
    return revealed


def _only_rocu(context: Context) -> str:
    if len(context.identity.rocus) != 1 or "*" in context.identity.rocus:
        raise WrongInputError(
            "Which ROCU's vehicles they are is not clear: the token is for several.", "Add --rocu ROCU."
        )
    return min(context.identity.rocus)


def _batches_with(context: Context, rocu: str, token: str) -> list[str]:
    """The batches in which a vehicle was read: by the judgements that hold, or else by any.

    A list of vehicles outlives the judgement that it was made from.
    """
    from data_contracts.layers.reads import read_parts, superseded_parts

    standing = _found(context, read_parts(context.lake, rocu, date.min, date.max), token)
    return standing or _found(context, superseded_parts(context.lake, rocu), token)


def _found(context: Context, parts: Sequence[PartRef], token: str) -> list[str]:
    from data_contracts.layers.reads import reads_relation
    from infra.engine import open_engine

    with open_engine(context.settings) as connection:
        reads_relation(connection, context.lake, parts)
        found = connection.execute("SELECT DISTINCT batch_id FROM reads WHERE vehicle = ? ORDER BY 1", [token])
        return [row[0] for row in found.fetchall()]
