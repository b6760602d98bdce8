"""Calls the writer works on: found by any of their ids, merged when two turn out to be one, folded from events."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b

from exporter.store import CallRow, Store, UnitRow
from voice_slo import facts_codec
from voice_slo.events import Event, decode, encode
from voice_slo.facts import CallFacts, add, call_key, join
from voice_slo.units import Phase

CACHED_EVENTS = 400_000
"""About 0.5 kB each, folded: 200 MB at the most, whoever sends what."""
EVENTS_A_CALL = 25_000
ALIASES_A_CALL = 100
"""More ids than this share no call: somebody sends one id with every call."""

UnitKey = tuple[int, str, str]
"""SLO (store id), kind of unit, unit id."""


class Taken(Enum):
    """What became of one event."""

    NEW = "accepted"
    REPEAT = "duplicate"
    TOO_MANY = "call_too_large"


@dataclass(slots=True)
class Call:
    """One call in memory; `row` mirrors the table, `fresh` holds events not yet written.

    `folded`: part of the facts has no event left and must be written as facts.
    """

    row: CallRow
    facts: CallFacts
    contents: set[bytes]
    names: set[bytes]
    units: dict[UnitKey, UnitRow]
    pending: dict[int, int]
    fresh: list[tuple[bytes, bytes | None, bytes]] = field(default_factory=list)
    folded: bool = False


class Calls:
    """Least recently used calls stay in memory; all others are read back from their events."""

    def __init__(self, store: Store, capacity: int = CACHED_EVENTS) -> None:
        self._store, self._capacity = store, capacity
        self._held: OrderedDict[int, Call] = OrderedDict()
        self._weights: dict[int, int] = {}
        self._weight = 0

    def clear(self) -> None:
        self._held.clear()
        self._weights.clear()
        self._weight = 0

    def get(self, id_: int) -> Call:
        call = self._held.get(id_)
        if call is None:
            call = self._held[id_] = self._read(id_)
        self._held.move_to_end(id_)
        return call

    def forget_old(self, touched: Iterable[Call]) -> None:
        """Call between transactions with the calls of the last one: what is dropped must be on disk."""
        for call in touched:
            if call.row.id in self._held:
                weight = len(call.contents) + len(call.units) + 10
                self._weight += weight - self._weights.get(call.row.id, 0)
                self._weights[call.row.id] = weight
        while self._weight > self._capacity and self._held:
            self.drop([next(iter(self._held))])

    def drop(self, ids: Iterable[int]) -> None:
        for id_ in ids:
            self._held.pop(id_, None)
            self._weight -= self._weights.pop(id_, 0)

    def _read(self, id_: int) -> Call:
        row = self._store.call(id_)
        facts = facts_codec.decode(row.facts) if row.facts else CallFacts()
        contents, names = set(), set()
        for content, name, body in self._store.events(id_):
            contents.add(content)
            if name is not None:
                names.add(name)
            if body is not None:
                add(facts, decode(body))
        units = {(u.slo, u.unit, u.id): u for u in self._store.units_of(id_)}
        pending = {int(slo): n for slo, n in json.loads(row.pending).items()}
        return Call(row, facts, contents, names, units, pending)

    def find(self, agent: str, event: Event, now: int) -> tuple[Call, list[int]]:
        """The call of an event, made if need be, and other calls that the event shows to be the same one."""
        own = ("call", call_key(event))
        keys = [own, *(event.ids.pairs() if event.ids else ())]
        found = {key: self._store.find_call(agent, *key) for key in keys}
        known = sorted({id_ for id_ in found.values() if id_ is not None})
        if len(known) > 1 and sum(map(self._store.count_aliases, known)) > ALIASES_A_CALL:
            known = [id_ for id_ in (found[own],) if id_ is not None]
        id_ = known[0] if known else self._store.insert_call(agent, call_key(event), now)
        missing = [key for key, holder in found.items() if holder is None and key != own]
        if known and found[own] is None:
            missing.append(own)
        if missing and self._store.count_aliases(id_) < ALIASES_A_CALL:
            for kind, value in missing:
                self._store.add_alias(agent, kind, value, id_)
        elif own in missing:
            id_, known = self._store.insert_call(agent, call_key(event), now), []
        return self.get(id_), known[1:]

    def absorb(self, call: Call, other: Call) -> None:
        """Move events, facts and ids of `other` into `call`, which is open while one of them is.

        Units are the counting's business.
        """
        join(call.facts, other.facts)
        call.contents |= other.contents
        call.names |= other.names
        call.fresh += other.fresh
        call.folded |= other.folded or bool(other.row.facts) or bool(call.row.facts)
        self._store.move_call(other.row.id, call.row.id)
        ends = [e for e in (call.row.end_receipt, other.row.end_receipt) if e is not None]
        open_ = Phase.OPEN in (call.row.phase, other.row.phase)
        call.row = call.row._replace(
            phase=int(Phase.OPEN) if open_ else min(call.row.phase, other.row.phase),
            last_receipt=max(call.row.last_receipt, other.row.last_receipt),
            end_receipt=max(ends, default=None),
            due=_earliest(call.row.due, other.row.due),
            advance=_earliest(call.row.advance, other.row.advance),
        )
        self.drop([other.row.id])


def take(call: Call, event: Event, source: str) -> Taken:
    """Fold an event into its call. A repeat has the same id as an earlier one, else the same content.

    A repeat of an id that carries other content adds its facts all the same.
    """
    body = encode(event)
    content = _key(body)
    if content in call.contents:
        return Taken.REPEAT
    if len(call.contents) >= EVENTS_A_CALL:
        return Taken.TOO_MANY
    name = _key(f"{source}\0{event.id}".encode()) if event.id is not None else None
    repeated = name is not None and name in call.names
    call.contents.add(content)
    if name is not None:
        call.names.add(name)
    call.fresh.append((content, name, body))
    add(call.facts, event)
    return Taken.REPEAT if repeated else Taken.NEW


def write(store: Store, calls: Iterable[Call]) -> None:
    """Put fresh events and the rows of these calls into the running transaction."""
    rows = []
    for call in calls:
        store.insert_events((call.row.id, *event) for event in call.fresh)
        call.fresh = []
        if call.folded:
            compact(store, call)
        call.row = call.row._replace(pending=json.dumps({str(k): n for k, n in sorted(call.pending.items()) if n}))
        rows.append(call.row)
    store.update_calls(rows)


def compact(store: Store, call: Call) -> None:
    """Replace the bodies of a call's events by the facts folded from them."""
    facts = facts_codec.encode(call.facts)
    store.compact(call.row.id, facts)
    call.row = call.row._replace(facts=facts)
    call.folded = False


def _earliest(a: int | None, b: int | None) -> int | None:
    return min((x for x in (a, b) if x is not None), default=None)


def _key(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()
