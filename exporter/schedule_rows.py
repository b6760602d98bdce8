"""Statements about scheduled test calls: when the next run is due, which runs came, how many of each result.

Part of the store: the same file, the same transactions. Times are µs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

SCHEMA = """
CREATE TABLE IF NOT EXISTS schedules (
    agent TEXT NOT NULL, flow TEXT NOT NULL, every INTEGER NOT NULL, grace INTEGER NOT NULL, due INTEGER NOT NULL,
    last_run INTEGER, passed INTEGER NOT NULL, failures INTEGER NOT NULL, PRIMARY KEY (agent, flow)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    call INTEGER NOT NULL, id TEXT NOT NULL, agent TEXT NOT NULL, flow TEXT NOT NULL, came INTEGER NOT NULL,
    result TEXT NOT NULL, PRIMARY KEY (call, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_failed ON runs (agent, flow, came) WHERE result IN ('bad', 'missed');
CREATE TABLE IF NOT EXISTS run_counts (
    agent TEXT NOT NULL, flow TEXT NOT NULL, result TEXT NOT NULL, runs INTEGER NOT NULL,
    PRIMARY KEY (agent, flow, result)) WITHOUT ROWID;
"""
"""Came after the first stores of this version, and changes nothing of what they hold."""


class ScheduleRow(NamedTuple):
    """`every` and `grace` in µs, as they are in force. `passed`: when the last run came that passed, 0 before it.

    `failures`: failed and missed runs that came, or were due, after that.
    """

    agent: str
    flow: str
    every: int
    grace: int
    due: int
    last_run: int | None
    passed: int
    failures: int


class RunRow(NamedTuple):
    """One run. `id` is empty for the call itself; `came` 0 where it came too late to be of a slot; `result` empty
    until there is one.
    """

    call: int
    id: str
    agent: str
    flow: str
    came: int
    result: str


class ScheduleRows:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def schedules(self) -> list[ScheduleRow]:
        return [ScheduleRow(*row) for row in self._db.execute("SELECT * FROM schedules")]

    def put_schedules(self, rows: Iterable[ScheduleRow]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO schedules VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def drop_schedule(self, agent: str, flow: str) -> None:
        self._db.execute("DELETE FROM schedules WHERE agent = ? AND flow = ?", (agent, flow))

    def runs(self, call: int) -> dict[str, RunRow]:
        """By id."""
        return {row[1]: RunRow(*row) for row in self._db.execute("SELECT * FROM runs WHERE call = ?", (call,))}

    def put_run(self, row: RunRow, instead_of: RunRow | None = None) -> None:
        if instead_of is not None and instead_of.id != row.id:
            self._db.execute("DELETE FROM runs WHERE call = ? AND id = ?", (instead_of.call, instead_of.id))
        self._db.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)", row)

    def failed_since(self, agent: str, flow: str, came: int) -> int:
        """Failed and missed runs that came after `came`."""
        query = (
            "SELECT count(*) FROM runs INDEXED BY runs_failed WHERE agent = ? AND flow = ? AND came > ? "
            "AND result IN ('bad', 'missed')"
        )
        return int(self._db.execute(query, (agent, flow, came)).fetchone()[0])

    def counts(self) -> dict[tuple[str, str, str], int]:
        """(agent, flow, result) → runs."""
        return {(a, f, r): n for a, f, r, n in self._db.execute("SELECT * FROM run_counts")}

    def put_counts(self, counts: Iterable[tuple[tuple[str, str, str], int]]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO run_counts VALUES (?, ?, ?, ?)", [(*key, n) for key, n in counts])

    def move_call(self, old: int, new: int) -> None:
        """Runs of call `old` belong to `new` from now on, where `new` does not have them already."""
        self._db.execute("UPDATE OR IGNORE runs SET call = ? WHERE call = ?", (new, old))
        self._db.execute("DELETE FROM runs WHERE call = ?", (old,))
