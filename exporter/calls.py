"""Calls the writer works on: found by any of their ids, merged when two turn out to be one, folded from events."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from exporter.store import CallRow, Store, UnitRow
from voice_slo import facts_codec
from voice_slo.events import Event, decode, encode
from voice_slo.facts import CallFacts, add, call_key, join

CACHED_CALLS = 20_000
"""About 10 kB each: 200 MB at the most, reached with 20,000 calls under way at once."""

UnitKey = tuple[int, str, str]
"""SLO (store id), kind of unit, unit id."""


@dataclass(slots=True)
class Call:
    """One call in memory; `row` mirrors the table, `fresh` holds events not yet written."""

    row: CallRow
    facts: CallFacts
    contents: set[bytes]
    names: set[bytes]
    units: dict[UnitKey, UnitRow]
    pending: dict[int, int]
    fresh: list[tuple[bytes, bytes | None, bytes]] = field(default_factory=list)


class Calls:
    """Least recently used calls stay in memory; all others are read back from their events."""

    def __init__(self, store: Store, capacity: int = CACHED_CALLS) -> None:
        self._store, self._capacity = store, capacity
        self._held: OrderedDict[int, Call] = OrderedDict()

    def clear(self) -> None:
        self._held.clear()

    def get(self, id_: int) -> Call:
        call = self._held.get(id_)
        if call is None:
            call = self._held[id_] = self._read(id_)
        self._held.move_to_end(id_)
        return call

    def forget_old(self) -> None:
        """Call between transactions: what is dropped must be on disk."""
        while len(self._held) > self._capacity:
            self._held.popitem(last=False)

    def drop(self, id_: int) -> None:
        self._held.pop(id_, None)

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
        keys = [("call", call_key(event)), *(event.ids.pairs() if event.ids else ())]
        found = {key: self._store.find_call(agent, *key) for key in keys}
        known = sorted({id_ for id_ in found.values() if id_ is not None})
        id_ = known[0] if known else self._store.insert_call(agent, call_key(event), now)
        for (kind, value), holder in found.items():
            if holder is None:
                self._store.add_alias(agent, kind, value, id_)
        return self.get(id_), known[1:]

    def absorb(self, call: Call, other: Call) -> None:
        """Move events, facts and ids of `other` into `call`. Units are the counting's business."""
        join(call.facts, other.facts)
        call.contents |= other.contents
        call.names |= other.names
        call.fresh += other.fresh
        self._store.move_call(other.row.id, call.row.id)
        first = min(call.row.first_receipt, other.row.first_receipt)
        ends = [e for e in (call.row.end_receipt, other.row.end_receipt) if e is not None]
        call.row = call.row._replace(
            first_receipt=first,
            last_receipt=max(call.row.last_receipt, other.row.last_receipt),
            end_receipt=max(ends, default=None),
        )
        self.drop(other.row.id)


def take(call: Call, event: Event, source: str) -> bool:
    """Fold an event into its call. False for a repeat: the same id, else the same content.

    A repeat of an id that carries other content adds its facts all the same.
    """
    body = encode(event)
    content = _key(body)
    if content in call.contents:
        return False
    name = _key(f"{source}\0{event.id}".encode()) if event.id is not None else None
    repeated = name is not None and name in call.names
    call.contents.add(content)
    if name is not None:
        call.names.add(name)
    call.fresh.append((content, name, body))
    add(call.facts, event)
    return not repeated


def write(store: Store, calls: Iterable[Call]) -> None:
    """Put fresh events and the rows of these calls into the running transaction."""
    rows = []
    for call in calls:
        store.insert_events((call.row.id, *event) for event in call.fresh)
        call.fresh = []
        call.row = call.row._replace(pending=json.dumps({str(k): n for k, n in sorted(call.pending.items()) if n}))
        rows.append(call.row)
    store.update_calls(rows)


def _key(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()
