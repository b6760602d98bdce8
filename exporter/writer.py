"""The one thread that writes. A group is whatever arrived during the previous commit; there is no timer in the way."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from exporter.intake import Delivery, QueueFull, Receipt, StoreFailed
from exporter.ledger import Ledger
from exporter.own_metrics import OwnMetrics
from voice_slo import names
from voice_slo.spec import SloFile

GROUP_EVENTS = 5_000
"""Keeps one transaction, and so the wait of a single event behind it, short."""
TICK_SECONDS = 1.0
_log = logging.getLogger(__name__)

T = TypeVar("T")
Job = tuple[Delivery, Future[Receipt]]


class Writer:
    """Queues deliveries for the ledger. `capacity` bounds the events that wait."""

    def __init__(self, ledger: Ledger, own: OwnMetrics, capacity: int, tick_seconds: float = TICK_SECONDS) -> None:
        self._ledger, self._own, self._capacity, self._tick_seconds = ledger, own, capacity, tick_seconds
        self._jobs: deque[Job] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._waiting = 0
        self._stopping = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 30) -> None:
        """Write what is queued, then end the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout)

    def submit(self, delivery: Delivery) -> Future[Receipt]:
        """The future ends once the delivery is durable, or with `StoreFailed`. Raises `QueueFull`."""
        future: Future[Receipt] = Future()
        size = max(1, len(delivery.translated.events))
        with self._wake:
            if self._stopping or (self._waiting and self._waiting + size > self._capacity):
                raise QueueFull
            self._waiting += size
            self._jobs.append((delivery, future))
            self._wake.notify()
        return future

    def reload(self, files: Sequence[SloFile]) -> None:
        """Put SLO files in force; returns when they are. Raises what the ledger raised."""
        self.call(lambda: self._ledger.load(files))

    def call(self, function: Callable[[], T]) -> T:
        """Run a function on the writer's thread, between two transactions, and return its result."""
        future: Future[T] = Future()
        with self._wake:
            if self._stopping:
                raise QueueFull
            self._calls.append(lambda: self._answer(function, future))
            self._wake.notify()
        return future.result()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Events in the queue."""
        return self._waiting

    def _run(self) -> None:
        ticked = 0.0
        while True:
            with self._wake:
                if not self._jobs and not self._calls and not self._stopping:
                    self._wake.wait(max(0.0, ticked + self._tick_seconds - time.monotonic()))
                group, calls = self._take_group(), list(self._calls)
                self._calls.clear()
                stopping = self._stopping and not self._jobs
            if group:
                self._write(group)
            for call in calls:
                call()
            if time.monotonic() >= ticked + self._tick_seconds and not stopping:
                ticked = time.monotonic() - (self._tick_seconds if self._tick() else 0)
            if stopping:
                return

    def _take_group(self) -> list[Job]:
        group, events = [], 0
        while self._jobs and events < GROUP_EVENTS:
            job = self._jobs.popleft()
            events += max(1, len(job[0].translated.events))
            # A sender that went away cannot take back what it sent, but must not be answered.
            delivery, future = job
            group.append(job if future.set_running_or_notify_cancel() else (delivery, Future()))
        self._waiting -= events
        return group

    def _write(self, group: Sequence[Job]) -> None:
        started = time.monotonic()
        try:
            receipts = self._ledger.apply([delivery for delivery, _ in group])
        except Exception as error:
            self._failed("a transaction of %d deliveries failed", len(group), error)
            self._write_apart(group)
            return
        self._own.inc(names.COMMITS)
        self._own.inc(names.COMMIT_SECONDS, by=time.monotonic() - started)
        for (_, future), receipt in zip(group, receipts, strict=True):
            future.set_result(receipt)

    def _write_apart(self, group: Sequence[Job]) -> None:
        """One delivery that the ledger cannot take must not take the others with it."""
        for delivery, future in group:
            try:
                (receipt,) = self._ledger.apply([delivery])
            except Exception as error:
                self._failed("a delivery of %d events failed", len(delivery.translated.events), error)
                future.set_exception(StoreFailed("the store could not keep the delivery"))
            else:
                future.set_result(receipt)

    def _answer(self, function: Callable[[], T], future: Future[T]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(function())
        except Exception as error:
            self._recover()
            future.set_exception(error)

    def _tick(self) -> bool:
        try:
            return self._ledger.tick()
        except Exception as error:
            self._failed("settling failed (%d)", 0, error)
            return False

    def _failed(self, message: str, size: int, error: Exception) -> None:
        """Log the kind of error only: its text could quote telemetry."""
        _log.error(message + ": %s", size, type(error).__name__, exc_info=isinstance(error, sqlite3.Error))
        self._recover()

    def _recover(self) -> None:
        try:
            self._ledger.recover()
        except Exception as error:
            _log.critical("the store cannot be read back: %s", type(error).__name__)
