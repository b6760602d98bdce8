"""The SQLite file: schema and statements. Everything here runs in the writer's thread, inside its transactions.

WAL with `synchronous=FULL`: a committed transaction survives a power cut. Times are µs since the epoch.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from exporter import outage_rows, schedule_rows

SCHEMA_VERSION = 1
DATABASE = "voice-slo.sqlite3"
LOCK = "lock"

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT NOT NULL, key TEXT NOT NULL, phase INTEGER NOT NULL,
    last_receipt INTEGER NOT NULL, end_receipt INTEGER, due INTEGER, advance INTEGER,
    pending TEXT NOT NULL, facts BLOB);
CREATE INDEX calls_due ON calls (due) WHERE due IS NOT NULL;
CREATE INDEX calls_age ON calls (last_receipt);
CREATE INDEX calls_with_events ON calls (last_receipt) WHERE facts IS NULL;
CREATE INDEX calls_with_facts ON calls (last_receipt) WHERE facts IS NULL OR facts != x'';
CREATE TABLE aliases (
    agent TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, call INTEGER NOT NULL,
    PRIMARY KEY (agent, kind, value)) WITHOUT ROWID;
CREATE INDEX aliases_call ON aliases (call);
CREATE TABLE events (
    call INTEGER NOT NULL, content BLOB NOT NULL, name BLOB, body BLOB, PRIMARY KEY (call, content)) WITHOUT ROWID;
CREATE TABLE slos (
    id INTEGER PRIMARY KEY, agent TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL, core TEXT NOT NULL,
    vocabulary TEXT NOT NULL, era INTEGER NOT NULL, created INTEGER NOT NULL, period INTEGER NOT NULL,
    window_start INTEGER NOT NULL, UNIQUE (agent, name));
CREATE TABLE units (
    call INTEGER NOT NULL, slo INTEGER NOT NULL, unit TEXT NOT NULL, id TEXT NOT NULL, era INTEGER NOT NULL,
    outcome TEXT NOT NULL, reason TEXT NOT NULL, would_be TEXT NOT NULL, rule TEXT NOT NULL, missing TEXT NOT NULL,
    labels TEXT NOT NULL, at INTEGER NOT NULL, judged INTEGER NOT NULL, counted INTEGER NOT NULL,
    definition TEXT NOT NULL, caller TEXT, PRIMARY KEY (call, slo, unit, id)) WITHOUT ROWID;
CREATE INDEX units_window ON units (slo, at) WHERE outcome IN ('good', 'bad');
CREATE INDEX units_callers ON units (slo, caller, at) WHERE outcome = 'bad';
CREATE TABLE counters (
    slo INTEGER NOT NULL, labels TEXT NOT NULL, name TEXT NOT NULL, extra TEXT NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (slo, labels, name, extra)) WITHOUT ROWID;
"""


class StoreError(Exception):
    """Base of what the store refuses."""


class StoreLocked(StoreError):
    """Another process holds the data directory; the message names it."""


class StoreVersion(StoreError):
    """The file was written by another version of the schema."""


class CallRow(NamedTuple):
    """`advance`: when the call moves on to its next phase; `due`: when it is judged next, `advance` at the latest.

    `facts` holds what was folded from events that are gone; empty once the call's time is over and only the keys
    of its units remain.
    """

    id: int
    agent: str
    key: str
    phase: int
    last_receipt: int
    end_receipt: int | None
    due: int | None
    advance: int | None
    pending: str
    facts: bytes | None


class SloRow(NamedTuple):
    id: int
    agent: str
    name: str
    definition: str
    core: str
    vocabulary: str
    era: int
    created: int
    period: int
    window_start: int


class UnitRow(NamedTuple):
    """`labels` is a JSON list in the order of the SLO's `budget_by`; `counted`: it entered the counters."""

    call: int
    slo: int
    unit: str
    id: str
    era: int
    outcome: str
    reason: str
    would_be: str
    rule: str
    missing: str
    labels: str
    at: int
    judged: int
    counted: int
    definition: str
    caller: str | None


class CounterRow(NamedTuple):
    slo: int
    labels: str
    name: str
    extra: str
    value: int


class Store:
    """One open database. The caller commits; nothing here commits by itself."""

    def __init__(self, path: Path, now: int) -> None:
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=8000", "cache_size=-32000"):
            self._db.execute(f"PRAGMA {pragma}")
        self._open(now)
        self.born = self._value("born")

    def _open(self, now: int) -> None:
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            self._db.executescript(
                f"BEGIN;{_SCHEMA}INSERT INTO meta VALUES ('schema', {SCHEMA_VERSION}), ('born', {now});COMMIT;"
            )
        found = self._value("schema")
        if found != SCHEMA_VERSION:
            raise StoreVersion(f"{self.path}: schema {found}; this version reads schema {SCHEMA_VERSION}")
        self._db.executescript(outage_rows.SCHEMA + schedule_rows.SCHEMA)
        self.outages = outage_rows.OutageRows(self._db)
        self.schedules = schedule_rows.ScheduleRows(self._db)

    def _value(self, key: str) -> int:
        return int(self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0])

    def close(self) -> None:
        self._db.close()

    def begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def size(self) -> int:
        """Bytes on disk, with the write-ahead log."""
        files = (self.path.with_name(self.path.name + suffix) for suffix in ("", "-wal", "-shm"))
        return sum(f.stat().st_size for f in files if f.exists())

    # Calls ------------------------------------------------------------------------------------------------------

    def find_call(self, agent: str, kind: str, value: str) -> int | None:
        row = self._db.execute(
            "SELECT call FROM aliases WHERE agent = ? AND kind = ? AND value = ?", (agent, kind, value)
        ).fetchone()
        return None if row is None else int(row[0])

    def calls_named(self, value: str) -> list[int]:
        return [r[0] for r in self._db.execute("SELECT DISTINCT call FROM aliases WHERE value = ?", (value,))]

    def add_alias(self, agent: str, kind: str, value: str, call: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO aliases VALUES (?, ?, ?, ?)", (agent, kind, value, call))

    def count_aliases(self, call: int) -> int:
        return int(self._db.execute("SELECT count(*) FROM aliases WHERE call = ?", (call,)).fetchone()[0])

    def insert_call(self, agent: str, key: str, now: int) -> int:
        cursor = self._db.execute(
            "INSERT INTO calls VALUES (NULL, ?, ?, 0, ?, NULL, NULL, NULL, '{}', NULL)", (agent, key, now)
        )
        assert cursor.lastrowid is not None
        self.add_alias(agent, "call", key, cursor.lastrowid)
        return cursor.lastrowid

    def call(self, id_: int) -> CallRow:
        return CallRow(*self._db.execute("SELECT * FROM calls WHERE id = ?", (id_,)).fetchone())

    def update_calls(self, rows: Iterable[CallRow]) -> None:
        self._db.executemany(
            "UPDATE calls SET phase = ?, last_receipt = ?, end_receipt = ?, due = ?, advance = ?, pending = ? "
            "WHERE id = ?",
            [(r.phase, r.last_receipt, r.end_receipt, r.due, r.advance, r.pending, r.id) for r in rows],
        )

    def due_calls(self, now: int, limit: int) -> list[int]:
        rows = self._db.execute("SELECT id FROM calls WHERE due <= ? ORDER BY due, id LIMIT ?", (now, limit))
        return [r[0] for r in rows]

    def open_calls(self) -> dict[str, int]:
        """Agent → calls that have not settled."""
        query = "SELECT agent, count(*) FROM calls WHERE due NOTNULL AND phase < 2 GROUP BY agent"
        return dict(self._db.execute(query))

    def pending(self) -> Iterator[str]:
        """The `pending` of each call that has one."""
        return (row[0] for row in self._db.execute("SELECT pending FROM calls WHERE due NOTNULL AND pending != '{}'"))

    def move_call(self, old: int, new: int) -> None:
        """What belongs to call `old` belongs to `new` from now on, where `new` does not have it already."""
        self._db.execute("UPDATE OR IGNORE events SET call = ? WHERE call = ?", (new, old))
        self._db.execute("DELETE FROM events WHERE call = ?", (old,))
        self._db.execute("UPDATE aliases SET call = ? WHERE call = ?", (new, old))
        self.outages.move_call(old, new)
        self.schedules.move_call(old, new)
        self._db.execute("DELETE FROM calls WHERE id = ?", (old,))

    # Events -----------------------------------------------------------------------------------------------------

    def events(self, call: int) -> list[tuple[bytes, bytes | None, bytes | None]]:
        """(content key, name key, body); the body is None once it was folded into the call's facts."""
        return self._db.execute("SELECT content, name, body FROM events WHERE call = ?", (call,)).fetchall()

    def insert_events(self, rows: Iterable[tuple[int, bytes, bytes | None, bytes]]) -> None:
        self._db.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", rows)

    def compact(self, call: int, facts: bytes) -> None:
        self._db.execute("UPDATE calls SET facts = ? WHERE id = ?", (facts, call))
        self._db.execute("UPDATE events SET body = NULL WHERE call = ?", (call,))

    def compactable(self, before: int, limit: int) -> list[int]:
        rows = self._db.execute(
            "SELECT id FROM calls INDEXED BY calls_with_events "
            "WHERE last_receipt < ? AND phase >= 2 AND facts IS NULL LIMIT ?",
            (before, limit),
        )
        return [r[0] for r in rows]

    # SLOs, units, counters --------------------------------------------------------------------------------------

    def slos(self) -> list[SloRow]:
        return [SloRow(*row) for row in self._db.execute("SELECT * FROM slos")]

    def longest_period(self) -> int:
        """Seconds, over every SLO that was ever loaded; 0 without any."""
        return int(self._db.execute("SELECT coalesce(max(period), 0) FROM slos").fetchone()[0])

    def insert_slo(self, row: SloRow) -> int:
        cursor = self._db.execute("INSERT INTO slos VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row[1:])
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def update_slo(self, row: SloRow) -> None:
        self._db.execute("DELETE FROM slos WHERE id = ?", (row.id,))
        self._db.execute("INSERT INTO slos VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def units_of(self, call: int) -> list[UnitRow]:
        return [UnitRow(*row) for row in self._db.execute("SELECT * FROM units WHERE call = ?", (call,))]

    def put_units(self, rows: Iterable[UnitRow]) -> None:
        self._db.executemany(f"INSERT OR REPLACE INTO units VALUES ({', '.join('?' * 16)})", rows)

    def drop_unit(self, row: UnitRow) -> None:
        self._db.execute(
            "DELETE FROM units WHERE call = ? AND slo = ? AND unit = ? AND id = ?",
            (row.call, row.slo, row.unit, row.id),
        )

    def bad_near(self, slo: int, labels: str, caller: str, start: int, end: int) -> bool:
        """Whether the caller has a bad unit there with an event time in [start, end]."""
        query = (
            "SELECT 1 FROM units WHERE slo = ? AND caller = ? AND at BETWEEN ? AND ? AND outcome = 'bad' "
            "AND labels = ? LIMIT 1"
        )
        return self._db.execute(query, (slo, caller, start, end, labels)).fetchone() is not None

    def window(self, slo: int, era: int, start: int, end: int) -> list[tuple[str, str, int]]:
        """(labels, outcome, count) of the good and bad units with an event time in [start, end)."""
        query = (
            "SELECT labels, outcome, count(*) FROM units WHERE slo = ? AND at >= ? AND at < ? AND era = ? "
            "AND outcome IN ('good', 'bad') GROUP BY labels, outcome"
        )
        return self._db.execute(query, (slo, start, end, era)).fetchall()

    def counters(self) -> list[CounterRow]:
        return [CounterRow(*row) for row in self._db.execute("SELECT * FROM counters")]

    def put_counters(self, rows: Iterable[CounterRow]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?, ?)", rows)

    def delete_counters(self, rows: Iterable[CounterRow]) -> None:
        query = "DELETE FROM counters WHERE slo = ? AND labels = ? AND name = ? AND extra = ?"
        self._db.executemany(query, [row[:4] for row in rows])

    def drop_counters(self, slo: int) -> None:
        self._db.execute("DELETE FROM counters WHERE slo = ? AND name NOT IN ('units', 'seen')", (slo,))

    # Retention --------------------------------------------------------------------------------------------------

    def prune(self, facts_before: int, keys_before: int, limit: int) -> list[int]:
        """Empty at most `limit` calls with their last arrival before `facts_before`, drop those before `keys_before`.

        An emptied call keeps its ids and the keys of its units, so that none of them can be counted again. Returns
        the calls that changed.
        """
        emptied = self._ids("last_receipt < ? AND (facts IS NULL OR facts != x'')", facts_before, limit)
        self._db.executemany("DELETE FROM events WHERE call = ?", emptied)
        self._db.executemany("UPDATE calls SET facts = x'' WHERE id = ?", emptied)
        gone = self._ids("last_receipt < ?", keys_before, limit)
        for table in ("events", "aliases", "units", "corrections", "runs"):
            self._db.executemany(f"DELETE FROM {table} WHERE call = ?", gone)
        self._db.executemany("DELETE FROM calls WHERE id = ?", gone)
        return [id_ for (id_,) in (*emptied, *gone)]

    def _ids(self, where: str, value: int, limit: int) -> list[tuple[int]]:
        query = f"SELECT id FROM calls WHERE {where} ORDER BY last_receipt LIMIT ?"
        return self._db.execute(query, (value, limit)).fetchall()


class DirectoryLock:
    """Holds the data directory for this process until closed."""

    def __init__(self, directory: Path, holder: str) -> None:
        """`holder` is what a second process is told. Raises `StoreLocked`."""
        directory.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = os.pread(self._fd, 500, 0).decode(errors="replace").strip()
            os.close(self._fd)
            raise StoreLocked(f"{directory} is in use by {found or 'another process'}") from None
        self.describe(holder)

    def describe(self, holder: str) -> None:
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, (holder + "\n").encode(), 0)

    def close(self) -> None:
        os.ftruncate(self._fd, 0)
        os.close(self._fd)
