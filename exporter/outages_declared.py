"""Which outages hold for an SLO now that did not before, or the other way round: their times are judged again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from exporter.store import Store
from voice_slo.events import to_us
from voice_slo.spec import Outage


def note_outages(store: Store, slo: int, declared: Sequence[Outage]) -> None:
    """Where other outages hold for the SLO than before, have units in the time of those that changed judged again."""
    before = {_frozen(plain) for plain in json.loads(store.outages.declared(slo))}
    after = [_plain(outage) for outage in declared]
    changed = before ^ {_frozen(plain) for plain in after}
    if changed:
        store.outages.declare(slo, json.dumps(after), _joined((start, end) for start, end, *_ in changed))


def _plain(outage: Outage) -> list[object]:
    """All that a verdict can show of an outage."""
    return [to_us(outage.start), to_us(outage.end), outage.reason, outage.ticket, sorted(outage.match.items())]


def _frozen(plain: Sequence[object]) -> tuple[int, int, str]:
    start, end, *rest = plain
    assert isinstance(start, int)
    assert isinstance(end, int)
    return start, end, json.dumps(rest)


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same times without overlaps."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
