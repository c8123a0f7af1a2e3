"""The one family of errors: each says what is wrong, what to do, and whether a retry can help.

The command line prints `reason` and `instruction` and leaves with `exit_code`; nothing else is shown to a user.
"""

from __future__ import annotations


class FindProfileError(Exception):
    """An error that a person can act on.

    Args:
        reason: What is wrong, one sentence, without raw VRMs.
        instruction: What to do about it, one sentence.
    """

    exit_code = 3

    def __init__(self, reason: str, instruction: str) -> None:
        super().__init__(f"{reason} {instruction}")
        self.reason = reason
        self.instruction = instruction


class RefusedError(FindProfileError):
    """A gate, a contract or a permission said no. A retry with the same input cannot help."""

    exit_code = 1


class WrongInputError(FindProfileError):
    """The input is not what the command takes. A retry with the same input cannot help."""

    exit_code = 2


class FaultError(FindProfileError):
    """Something that the command needs did not answer, or no space is left. A retry may help."""

    exit_code = 3
