"""PrometheusRule objects of the Prometheus operator: one for each SLO, and one for what is about the agent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from prometheus_rules import yaml_text
from prometheus_rules.group_texts import GroupText
from prometheus_rules.target import Target
from prometheus_rules.yaml_text import Node

LARGEST = 250_000
"""Bytes. `kubectl apply` keeps a copy of an object as JSON in an annotation, and Kubernetes takes 262,144 bytes of
annotations; the operator itself takes 524,288 bytes of rules."""
LONGEST_NAME = 147
"""Characters: the operator makes the name part of a key, `<namespace>-<name>-<uid>.yaml`, of at most 253."""
INDENT = "  "
"""Of the groups in an object."""


def document(groups: Sequence[GroupText], target: Target) -> bytes:
    """A stream of YAML documents."""
    objects = (
        _object(name, some, target)
        for whose, own in groupby(groups, key=lambda group: tuple(group.identity.values()))
        for name, some in _named(whose, list(_cut(own)))
    )
    return b"---\n".join(objects)


def object_name(*parts: str) -> str:
    """`voice-slo.<agent>.<slo>`, as Kubernetes takes names; where that needs a change, a hash keeps it apart."""
    exact = ".".join(("voice-slo", *parts))
    valid = ".".join(part.rstrip("-") for part in exact.split("."))
    if valid == exact and len(exact) <= LONGEST_NAME:
        return exact
    mark = hashlib.sha256(exact.encode()).hexdigest()[:8]
    return f"{valid[: LONGEST_NAME - len(mark) - 1].rstrip('-.')}-{mark}"


def _named(whose: Sequence[str], chunks: Sequence[Sequence[GroupText]]) -> Iterator[tuple[str, Sequence[GroupText]]]:
    for n, chunk in enumerate(chunks, start=1):
        yield object_name(*whose, *([str(n)] if len(chunks) > 1 else [])), chunk


def _cut(groups: Iterable[GroupText]) -> Iterator[list[GroupText]]:
    """Groups in order, as many together as an object holds."""
    chunk: list[GroupText] = []
    for group in groups:
        if chunk and sum(map(_size, chunk)) + _size(group) > LARGEST:
            yield chunk
            chunk = []
        chunk.append(group)
    yield chunk


def _size(group: GroupText) -> int:
    """At least its bytes as JSON, which escapes quotes and has no indentation."""
    return len(group.text) + group.text.count(b'"') + group.text.count(b"\\")


def _object(name: str, groups: Iterable[GroupText], target: Target) -> bytes:
    metadata: dict[str, Node] = {"name": name}
    if target.namespace:
        metadata["namespace"] = target.namespace
    metadata["labels"] = {"app.kubernetes.io/managed-by": "voice-slo", **target.labels}
    head: Node = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata}
    return b"".join([f"{yaml_text.dump(head)}spec:\n  groups:\n".encode(), *(group.text for group in groups)])
