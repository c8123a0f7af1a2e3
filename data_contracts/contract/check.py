"""Whether a document is a contract that this product can run: all that is wrong with it at once, each with a remedy.

What is no text or no YAML is told of that alone, and so is what holds itself or grows without end by its references. It
must be valid in the standard, a contract of this product, every rule must stand a trial, and none may be missing that
the code behind it takes for granted. What is not even the right kind of thing is told once, by the schema of the
standard, and passed over by the other looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from data_contracts.contract.column_check import column_problems, product_columns
from data_contracts.contract.document import (
    CONTRACT_IDS,
    NAME_OF_ID,
    ContractName,
    Rule,
    parse_contract,
    read_rule,
    version_numbers,
    written_qualities,
)
from data_contracts.contract.needed_rules import unkept
from data_contracts.contract.rule_check import NOT_A_RULES, columns_of, rule_place, rule_problems, written_expectation
from data_contracts.contract.rule_trial import failed_trials
from data_contracts.contract.schema import Problem, listed_twice, schema_problems
from data_contracts.judgement.limits import IngestLimits
from infra.errors import WrongInputError
from infra.strict_yaml import read_yaml

LARGEST = 1_000_000
GROWN = 100_000
"""To how many values a document may grow by its references and still be looked at; a contract has a few thousand."""
TEXT_TAG, MERGE_TAG = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


def check_contract(content: bytes, name: str, try_rules: bool = True) -> tuple[Problem, ...]:
    """Everything that keeps a document from being run as a contract; nothing, when it can be.

    Args:
        content: The document as it was written.
        name: What to call it.
        try_rules: Also run every rule over made-up rows, which takes seconds.
    """
    try:
        text = _text(content, name)
        read_yaml(text, name, keys_may_repeat=True)
        root = _tree(text, name)
    except WrongInputError as error:
        return (Problem("document", " ".join(error.reason.split()), error.instruction),)
    written, sizes = tuple(_written_problems(text, root)), dict[int, int]()
    if _size(root, sizes) > max(GROWN, len(sizes)):
        return written
    document = _with_text_keys(root)
    found = (*written, *schema_problems(document), *_own_problems(_walkable(document), try_rules))
    if not found:
        try:
            parse_contract(content)
        except ValueError as error:
            return (Problem("document", f"{error}.", "Write it as the packaged contracts are written."),)
    return found


def read_document(content: bytes, name: str) -> dict[str, Any]:
    """The mapping that a document holds.

    Raises:
        WrongInputError: It is too large, no text, no YAML, or uses what a contract does not need.
    """
    text = _text(content, name)
    document = read_yaml(text, name)
    for problem in _written_problems(text, _tree(text, name)):
        raise WrongInputError(f"{name}, {problem.where}: {problem.what}", problem.remedy)
    return document


def _text(content: bytes, name: str) -> str:
    if len(content) > LARGEST:
        raise WrongInputError(f"{name} has {len(content):,} bytes.", "A contract is a page or two; give that file.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WrongInputError(f"{name} is not UTF-8 text.", "Save it as UTF-8.") from None


def _tree(text: str, name: str) -> yaml.Node:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        raise WrongInputError(f"{name} is empty.", "Write a contract into it, or give another file.")
    return root


def _written_problems(text: str, root: yaml.Node) -> Iterator[Problem]:
    """What YAML lets through and a contract does not, by its line: references, keys that are no text, a key twice."""
    for token in yaml.scan(text):
        if isinstance(token, yaml.AliasToken):
            where = f"line {token.start_mark.line + 1}"
            yield Problem(where, f"A reference (*{token.value}).", "Write the text out where it belongs.")
    yield from _key_problems(root, set())


def _key_problems(node: yaml.Node, looked_at: set[int]) -> Iterator[Problem]:
    if id(node) in looked_at:
        return
    looked_at.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, _ in node.value:
            where, said = f"line {key.start_mark.line + 1}", str(key.value)
            if key.tag != TEXT_TAG:
                yield Problem(where, f"The key {said} is not text.", "Put it in quotation marks.")
            elif said in seen:
                yield Problem(where, f"The key {said} stands twice in one place.", "Keep one of them.")
            seen.add(said)
    for inner in _inside(node):
        yield from _key_problems(inner, looked_at)


def _inside(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [value for _, value in node.value]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """How many values there are with each reference written out; more than can be looked at, if one holds itself."""
    if id(node) not in sizes:
        sizes[id(node)] = LARGEST
        sizes[id(node)] = 1 + sum(_size(inner, sizes) for inner in _inside(node))
    return sizes[id(node)]


def _with_text_keys(root: yaml.Node) -> dict[str, Any]:
    """The document with each key as the text that was written for it, so that the rest of it can be looked at."""
    waiting, looked_at = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) not in looked_at:
            looked_at.add(id(node))
            waiting += _inside(node)
            if isinstance(node, yaml.MappingNode):
                for key, _ in node.value:
                    key.tag = key.tag if key.tag == MERGE_TAG else TEXT_TAG
    document: dict[str, Any] = yaml.SafeLoader("").construct_document(root)
    return document


def _walkable(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without the parts that are not the kind of thing that belongs in their place."""
    return {**document, "schema": [_walkable_element(table) for table in _elements(document, "schema")]}


def _walkable_element(element: Mapping[str, Any]) -> dict[str, Any]:
    customs = [custom for custom in _elements(element, "customProperties", "property") if "value" in custom]
    qualities = [{**quality, "tags": _texts(quality.get("tags"))} for quality in _elements(element, "quality", None)]
    inside = [_walkable_element(column) for column in _elements(element, "properties")]
    return {**element, "customProperties": customs, "quality": qualities, "properties": inside}


def _elements(holder: Mapping[str, Any], key: str, named_by: str | None = "name") -> list[dict[str, Any]]:
    held = holder.get(key)
    elements = [element for element in held if isinstance(element, dict)] if isinstance(held, list) else []
    return [element for element in elements if named_by is None or isinstance(element.get(named_by), str)]


def _texts(held: Any) -> list[str]:
    return [text for text in held if isinstance(text, str)] if isinstance(held, list) else []


def _own_problems(document: Mapping[str, Any], try_rules: bool) -> Iterator[Problem]:
    yield from _head_problems(document)
    name = _name_of(document)
    if name is not None:
        yield from column_problems(document, name)
    yield from _all_rule_problems(document, name, try_rules)


def _head_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    if _name_of(document) is None:
        ids = ", ".join(CONTRACT_IDS.values())
        yield Problem("id", f"{document.get('id')} is no contract of this product.", f"Write one of {ids}.")
    version = document.get("version")
    if isinstance(version, str) and not _is_version(version):
        yield Problem(
            "version",
            f"{version} is no semantic version.",
            'Write three numbers, such as "2.1.0": breaking changes, additions, wording.',
        )
    if not _purpose(document):
        yield Problem("description", "It does not say what the contract is for.", "Add description.purpose.")
    if not document.get("schema"):
        yield Problem("schema", "It describes no table.", "Add the tables with their columns and rules.")


def _name_of(document: Mapping[str, Any]) -> ContractName | None:
    written = document.get("id")
    return NAME_OF_ID.get(written) if isinstance(written, str) else None


def _is_version(text: str) -> bool:
    try:
        version_numbers(text)
    except ValueError:
        return False
    return True


def _purpose(document: Mapping[str, Any]) -> object:
    said = document.get("description")
    return said.get("purpose") if isinstance(said, dict) else None


def _all_rule_problems(document: Mapping[str, Any], name: ContractName | None, try_rules: bool) -> Iterator[Problem]:
    entries = list(written_qualities(document))
    yield from listed_twice("rule", [str(quality.get("name") or "") for _, quality in entries])
    columns = {
        (table["name"], column["name"]): column for table in document["schema"] for column in table["properties"]
    }
    sound: list[Rule] = []
    told: set[str] = set()
    for table, quality in entries:
        problems = list(rule_problems(table, quality, columns, name))
        yield from problems
        if not problems:
            sound.append(read_rule(table, quality))
        elif try_rules and name is not None:
            yield from _not_made(table, quality)
        told |= {problem.where for problem in problems}
    if name is None:
        return
    if try_rules:
        failed = list(_trials([rule.with_limits(IngestLimits()) for rule in sound], name))
        yield from failed
        told |= {problem.where for problem in failed}
    # what is wrong with a rule is told once
    yield from (problem for problem in _left_out(sound, name) if problem.where not in told)
    if not any(quality.get("severity") == "fail" for _, quality in entries):
        remedy = "Keep one on the share of rejected rows, as the contract in force has it."
        yield Problem("document", "No rule fails a file, so that one with nothing but wrong rows would pass.", remedy)


def _not_made(table: str, quality: Mapping[str, Any]) -> Iterator[Problem]:
    """Whether there is such an expectation with such arguments, of a rule that cannot be tried for another reason."""
    from data_contracts.judgement.gx import why_not_made

    written = written_expectation(quality)
    if written is None:
        return
    # what was told of already is left out or stands for a number
    kwargs = {
        key: 1 if "${" in str(value) else ["x"] if value == [] else value
        for key, value in written[1].items()
        if key not in NOT_A_RULES
    }
    reason = why_not_made(Rule("trial", table, "warn", "", written[0], kwargs))
    if reason:
        remedy = "Use an expectation about single rows, with the arguments that it takes."
        yield Problem(rule_place(quality), f"{written[0]} cannot be run: {reason.rstrip('.')}.", remedy)


def _left_out(rules: list[Rule], name: ContractName) -> Iterator[Problem]:
    """What the code behind the contract takes for granted, and no rule of it says."""
    from data_contracts import dispositions
    from data_contracts.judgement import judging
    from data_contracts.registers import cameras

    room = {"reads": judging, "cameras": cameras, "dispositions": dispositions}[name]
    yield from dict.fromkeys(unkept(rules, name, room.NEVER_ACCEPTED))


def _trials(rules: list[Rule], name: ContractName) -> Iterator[Problem]:
    """Try what can be tried: a column that the product does not make was told of already."""
    made = product_columns(name)
    yield from failed_trials([r for r in rules if all((r.table, c) in made for c in columns_of(r.kwargs))], made)
