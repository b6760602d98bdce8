"""What the JSON Schema says of an SLO file, read as an editor would: YAML 1.2 as JSON."""

from __future__ import annotations

import re
from functools import cache

from jsonschema import Draft7Validator

from voice_slo import yaml_source
from voice_slo.schema import schema
from voice_slo.yaml_source import Mapping, Node, Scalar, Sequence

_JSON_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
"""The other spellings are text in YAML 1.2, or nothing that the parser takes."""


@cache
def validator() -> Draft7Validator:
    return Draft7Validator(schema())


def refusals(content: bytes) -> list[str]:
    """`place: message` of each mistake that the schema sees. The file has to be YAML to the strict reader."""
    source = yaml_source.parse("a.yaml", content)
    assert source.root is not None
    assert not source.problems
    found = validator().iter_errors(as_json(source.root))
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in found]


def as_json(node: Node) -> object:
    match node:
        case Scalar(text, "number"):
            return float(text) if _JSON_NUMBER.fullmatch(text) else text
        case Scalar(text, "boolean"):
            return text == "true"
        case Scalar(text, "text"):
            return text
        case Sequence(items):
            return [as_json(item) for item in items]
        case Mapping(entries):
            return {key.text: as_json(value) for key, value in entries}
        case _:
            return None
