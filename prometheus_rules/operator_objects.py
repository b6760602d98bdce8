"""PrometheusRule objects of the Prometheus operator: one for each SLO, and one for what is about the agent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

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


def documents(groups: Sequence[GroupText], target: Target) -> Iterator[bytes]:
    """A stream of YAML documents, in parts."""
    whose: dict[tuple[str, ...], list[GroupText]] = {}
    for group in groups:
        whose.setdefault(tuple(group.identity.values()), []).append(group)
    named = [each for who, own in whose.items() for each in _named(who, list(_cut(own)))]
    for position, (name, some) in enumerate(named):
        yield ("---\n" if position else "").encode() + _head(name, target)
        yield from (group.text for group in some)


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
    size = 0
    for group in groups:
        if chunk and size + _size(group) > LARGEST:
            yield chunk
            chunk, size = [], 0
        chunk.append(group)
        size += _size(group)
    yield chunk


def _size(group: GroupText) -> int:
    """At least its bytes as kubectl's JSON: quotes and the like take one more, angles and ampersands five."""
    text = group.text
    return len(text) + sum(map(text.count, (b'"', b"\\"))) + 5 * sum(map(text.count, (b"<", b">", b"&")))


def _head(name: str, target: Target) -> bytes:
    metadata: dict[str, Node] = {"name": name}
    if target.namespace:
        metadata["namespace"] = target.namespace
    metadata["labels"] = {"app.kubernetes.io/managed-by": "voice-slo", **target.labels}
    head: Node = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata}
    return f"{yaml_text.dump(head)}spec:\n  groups:\n".encode()
