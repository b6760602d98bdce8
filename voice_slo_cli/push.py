"""Rules pushed to a ruler: what differs is sent, what is gone is deleted, everything else is left alone."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import requests
import yaml

from prometheus_rules import yaml_text
from prometheus_rules.group_texts import GroupText
from prometheus_rules.rule_files import AFTER, BEFORE, PARTS
from prometheus_rules.yaml_text import Node
from voice_slo import names
from voice_slo_cli.push_options import Access
from voice_slo_cli.ruler import LOADER, Groups, Ruler, RulerError
from voice_slo_cli.terminal import EXIT_DRIFT, EXIT_OK, say, write_diff

Canonical = Mapping[str, Node]
"""A rule group in one spelling: durations in seconds, nothing that is empty."""

_ORDER = {part: position for position, (part, _) in enumerate((*BEFORE, *PARTS, *AFTER))}
"""In which figures flow."""
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
_MILLISECONDS = (365 * 86_400_000, 7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1000, 1)
_FIELDS = ("name", "interval", "record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations")
"""First in a diff; Mimir has them in an order of its own."""
_DURATIONS = frozenset(("interval", "for", "keep_firing_for"))


@dataclass(frozen=True, slots=True)
class Change:
    """`text`: what to send; empty to delete."""

    kind: Literal["created", "updated", "deleted"]
    namespace: str
    group: str
    text: bytes = b""
    old: Canonical | None = None
    new: Canonical | None = None


def run(
    access: Access, wanted: Mapping[str, Sequence[GroupText]], prefix: str, *, prune: bool, dry: bool, diff: bool
) -> int:
    """Make the ruler hold `wanted`, or tell what would change. Raises `RulerError`."""
    with requests.Session() as session:
        ruler = Ruler(session, access)
        plan = changes(wanted, held(ruler, wanted, prefix, prune))
        if dry:
            return _tell(plan, diff)
        _make(ruler, plan)
    say(f"{sum(map(len, wanted.values()))} groups, {len(plan)} changed")
    return EXIT_OK


def _tell(plan: Sequence[Change], diff: bool) -> int:
    if diff:
        write_diff(difference(plan))
    for change in plan:
        say(f"{change.namespace}/{change.group}: {_MISSING[change.kind]}")
    return EXIT_DRIFT if plan else EXIT_OK


def _make(ruler: Ruler, plan: Sequence[Change]) -> None:
    done = 0
    try:
        for change in apply(ruler, plan):
            say(f"{change.namespace}/{change.group}: {change.kind}")
            done += 1
    except RulerError as error:
        raise RulerError(f"{error}\n{done} of {len(plan)} changes were made; run again for the rest") from None


_MISSING: Mapping[str, str] = {"created": "missing", "updated": "differs", "deleted": "is generated no more"}


def held(ruler: Ruler, namespaces: Iterable[str], prefix: str, prune: bool) -> Groups:
    """What the ruler has of these namespaces; with `prune` of all that begin with `prefix`."""
    if prune:
        return {name: groups for name, groups in ruler.namespaces().items() if name.startswith(prefix)}
    return {name: ruler.namespace(name) for name in namespaces}


def changes(wanted: Mapping[str, Sequence[GroupText]], found: Groups) -> list[Change]:
    """Namespace → groups, as they should be and as they are.

    What is sent comes first, in the order in which figures flow, so that nothing waits for a series longer than it
    must; then what is gone, alerts before the series that they read. Groups that are not ours are left alone.
    """
    sent = [c for namespace, groups in wanted.items() for c in _sent(namespace, groups, found.get(namespace, {}))]
    gone = [
        Change("deleted", namespace, name, old=_canonical(group))
        for namespace, groups in found.items()
        for name, group in groups.items()
        if name.startswith(names.group("")) and name not in {own.name for own in wanted.get(namespace, ())}
    ]
    return sent + sorted(gone, key=lambda change: -_position(change.group))


def apply(ruler: Ruler, plan: Sequence[Change]) -> Iterator[Change]:
    """Each change once it is made. Raises `RulerError` at the first that fails: the next run does the rest.

    Where a new group is one too many, what is gone makes room first.
    """
    sent = [change for change in plan if change.text]
    gone = [change for change in plan if not change.text]
    for change in sent:
        try:
            ruler.set(change.namespace, change.text)
        except RulerError as error:
            if not (gone and error.too_many_groups):
                raise
            yield from _deleted(ruler, gone)
            gone = []
            ruler.set(change.namespace, change.text)
        yield change
    yield from _deleted(ruler, gone)


def difference(plan: Iterable[Change]) -> Iterator[bytes]:
    """A unified diff of all groups, for people."""
    for change in plan:
        name = f"{change.namespace}/{change.group}"
        before, after = (_lines(group) for group in (change.old, change.new))
        yield from (
            line.encode()
            for line in difflib.unified_diff(
                before, after, f"a/{name}" if change.old else "/dev/null", f"b/{name}" if change.new else "/dev/null",
                lineterm="",
            )
        )  # fmt: skip


def _sent(namespace: str, groups: Iterable[GroupText], found: Mapping[str, Mapping[str, Any]]) -> Iterator[Change]:
    for group in groups:
        (document,) = yaml.load(group.text, Loader=LOADER)  # noqa: S506
        new = _canonical(document)
        if group.name not in found:
            yield Change("created", namespace, group.name, _mapping(group), new=new)
        elif (old := _canonical(found[group.name])) != new:
            yield Change("updated", namespace, group.name, _mapping(group), old, new)


def _deleted(ruler: Ruler, gone: Iterable[Change]) -> Iterator[Change]:
    for change in gone:
        ruler.delete(change.namespace, change.group)
        yield change


def _mapping(group: GroupText) -> bytes:
    """The item of a list as a document of its own."""
    return b"".join(line[2:] for line in group.text.splitlines(keepends=True))


def _position(group: str) -> int:
    part = re.sub(r"^packed-|-\d+$", "", group.rpartition(":")[2])
    return _ORDER.get(part, len(_ORDER))


def _canonical(group: Mapping[str, Any]) -> Canonical:
    rules = [_without_empty(rule) for rule in group["rules"]]
    return {**_without_empty({key: value for key, value in group.items() if key != "rules"}), "rules": rules}


def _without_empty(fields: Mapping[str, Any]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for key, value in sorted(fields.items(), key=lambda field: _FIELDS.index(field[0]) if field[0] in _FIELDS else 99):
        if key in _DURATIONS:
            found[key] = _milliseconds(str(value))
        elif isinstance(value, Mapping):
            found[key] = {name: str(text) for name, text in sorted(value.items())}
        elif isinstance(value, list):
            found[key] = [str(each) for each in value]
        else:
            found[key] = str(value) if value not in (None, False, 0) else ""
    return {key: value for key, value in found.items() if value}


def _milliseconds(text: str) -> int | str:
    """What is written is compared where it is no duration."""
    match = _DURATION.fullmatch(text)
    if not match or text == "0":
        return 0 if text == "0" else text
    return sum(int(n) * unit for n, unit in zip(match.groups(default="0"), _MILLISECONDS, strict=True))


def _lines(group: Canonical | None) -> list[str]:
    return yaml_text.dump(group).splitlines() if group else []
