"""Facts as bytes, for the row that outlives a call's events."""

from __future__ import annotations

import msgspec

from voice_slo.facts import CallFacts, Cell, Cells, Ran, Spoken

_PlainCells = list[tuple[str, int, int, str, str | bool | int | float]]


class _Plain(msgspec.Struct, array_like=True):
    call: _PlainCells
    units: list[tuple[str, str, _PlainCells]]
    segments: _PlainCells
    speech: list[Spoken]
    stages: list[Ran]
    tags: list[str]
    ids: list[tuple[str, str]]
    reported: dict[str, list[str]]
    last_at: int
    overflow: bool


def encode(facts: CallFacts) -> bytes:
    """MessagePack of the facts; equal facts give equal bytes."""
    plain = _Plain(
        call=_plain(facts.call),
        units=[(kind, id_, _plain(cells)) for (kind, id_), cells in sorted(facts.units.items())],
        segments=_plain(facts.segments),
        speech=sorted(facts.speech, key=lambda s: (s.started, s.by, s.turn, s.ended or 0, s.source)),
        stages=sorted(facts.stages, key=repr),
        tags=sorted(facts.tags),
        ids=sorted(facts.ids),
        reported={source: sorted(kinds) for source, kinds in sorted(facts.reported.items())},
        last_at=facts.last_at,
        overflow=facts.overflow,
    )
    return msgspec.msgpack.encode(plain)


def decode(data: bytes) -> CallFacts:
    """Raises `msgspec.DecodeError` on bytes that `encode` did not make."""
    plain = msgspec.msgpack.decode(data, type=_Plain)
    return CallFacts(
        call=_cells(plain.call),
        units={(kind, id_): _cells(cells) for kind, id_, cells in plain.units},
        segments=_cells(plain.segments),
        speech=set(plain.speech),
        stages=set(plain.stages),
        tags=set(plain.tags),
        ids=set(plain.ids),
        reported={source: set(kinds) for source, kinds in plain.reported.items()},
        last_at=plain.last_at,
        overflow=plain.overflow,
    )


def _plain(cells: Cells) -> _PlainCells:
    return [(name, c.rank, c.at_us, c.order, _scalar(c)) for name, c in sorted(cells.items())]


def _scalar(cell: Cell) -> str | bool | int | float:
    assert isinstance(cell.value, str | bool | int | float)
    return cell.value


def _cells(plain: _PlainCells) -> Cells:
    return {name: Cell(rank, at, order, value) for name, rank, at, order, value in plain}
