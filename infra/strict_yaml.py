"""Strict YAML for files that decide about something: one mapping, and no key twice."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from infra.errors import WrongInputError

NOT_YAML = (yaml.YAMLError, ValueError, AttributeError, RecursionError)
"""What reading a text that is no YAML raises: a day that no calendar has is a ValueError, and a text that is marked as
a time and is none an AttributeError of the library's own."""


class _OneOfEach(yaml.SafeLoader):
    """A loader that does not let a later key silently win over an earlier one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"key {', '.join(twice)} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(text: str, name: str, keys_may_repeat: bool = False) -> dict[str, Any]:
    """The mapping in a YAML text.

    Args:
        text: The YAML.
        name: What to call it.
        keys_may_repeat: Let keys stand twice: whoever reads it so tells of them, and of all else that is wrong.

    Raises:
        WrongInputError: It is not YAML, has a key twice, is nested without end, or is not a mapping.
    """
    try:
        values = yaml.load(text, Loader=yaml.SafeLoader if keys_may_repeat else _OneOfEach)  # noqa: S506 - both are safe
    except RecursionError:
        raise WrongInputError(f"{name} is nested too deeply.", "Correct the file.") from None
    except NOT_YAML as error:
        raise WrongInputError(f"{name} is not readable as YAML: {error}.", "Correct the file.") from None
    if not isinstance(values, dict):
        raise WrongInputError(f"{name} is not a mapping of keys to values.", "Write `key: value` lines.")
    return values
