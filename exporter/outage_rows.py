"""Statements about declared outages: which held when an SLO was loaded, what is being judged again, what it changed.

Part of the store: the same file, the same transactions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

SCHEMA = """
CREATE TABLE IF NOT EXISTS outages (slo INTEGER PRIMARY KEY, declared TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rejudging (
    slo INTEGER NOT NULL, start INTEGER NOT NULL, until INTEGER NOT NULL, at INTEGER NOT NULL, call INTEGER NOT NULL,
    PRIMARY KEY (slo, start, until)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS corrections (
    call INTEGER NOT NULL, slo INTEGER NOT NULL, unit TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL,
    was TEXT NOT NULL, became TEXT NOT NULL, reason TEXT NOT NULL, rule TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS corrections_call ON corrections (call);
CREATE INDEX IF NOT EXISTS units_outages ON units (slo, at, call) WHERE outcome IN ('bad', 'excluded');
"""
"""Came after the first stores of this version, and changes nothing of what they hold."""


class Rejudging(NamedTuple):
    """Units with an event time in [start, until) are being judged again; those before (at, call) have been."""

    slo: int
    start: int
    until: int
    at: int
    call: int


class Correction(NamedTuple):
    """`at`: when, µs. `reason` and `rule` are those of the outage, the last one where it was taken back."""

    call: int
    slo: int
    unit: str
    id: str
    at: int
    was: str
    became: str
    reason: str
    rule: str


class OutageRows:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def declared(self, slo: int) -> str:
        """What was declared for the SLO when it was last loaded, as JSON."""
        row = self._db.execute("SELECT declared FROM outages WHERE slo = ?", (slo,)).fetchone()
        return "[]" if row is None else str(row[0])

    def declare(self, slo: int, declared: str, changed: Iterable[tuple[int, int]]) -> None:
        """Keep what is declared; units with an event time in one of `changed` are to be judged again from its start."""
        self._db.execute("INSERT OR REPLACE INTO outages VALUES (?, ?)", (slo, declared))
        self._db.executemany(
            "INSERT OR REPLACE INTO rejudging VALUES (?, ?, ?, ?, 0)", [(slo, a, b, a) for a, b in changed]
        )

    def rejudging(self) -> list[Rejudging]:
        return [Rejudging(*row) for row in self._db.execute("SELECT * FROM rejudging ORDER BY slo, start")]

    def bad_or_excluded(self, part: Rejudging, limit: int) -> list[tuple[int, int]]:
        """(event time, call) of the next such units of one part, in this order."""
        query = (
            "SELECT at, call FROM units INDEXED BY units_outages WHERE slo = ? AND outcome IN ('bad', 'excluded') "
            "AND at >= ? AND at < ? AND (at, call) > (?, ?) ORDER BY at, call LIMIT ?"
        )
        return self._db.execute(query, (part.slo, part.at, part.until, part.at, part.call, limit)).fetchall()

    def rejudged(self, part: Rejudging, reached: tuple[int, int] | None) -> None:
        """Note how far a part has come; None: it is done."""
        key = (part.slo, part.start, part.until)
        if reached is None:
            self._db.execute("DELETE FROM rejudging WHERE slo = ? AND start = ? AND until = ?", key)
        else:
            query = "UPDATE rejudging SET at = ?, call = ? WHERE slo = ? AND start = ? AND until = ?"
            self._db.execute(query, (*reached, *key))

    def correct(self, row: Correction) -> None:
        self._db.execute("INSERT INTO corrections VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def corrections_of(self, call: int) -> list[Correction]:
        return [Correction(*row) for row in self._db.execute("SELECT * FROM corrections WHERE call = ?", (call,))]

    def move_call(self, old: int, new: int) -> None:
        """Units of call `old` belong to `new` from now on."""
        self._db.execute(
            "UPDATE corrections SET call = ?, id = CASE unit WHEN 'call' THEN (SELECT key FROM calls WHERE id = ?) "
            "ELSE id END WHERE call = ?",
            (new, new, old),
        )
        # Units of the same time that now have a smaller call could otherwise be passed over.
        self._db.execute("UPDATE rejudging SET call = 0")
