"""Between what came in and the one writer that makes it durable."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from exporter.payload import ExporterError, Rejection
from exporter.sources.translation import Translated

__all__ = ["Delivery", "QueueFull", "Receipt", "Rejection", "Sink", "StoreFailed", "Translated"]


class QueueFull(ExporterError):
    """The writer is behind; the sender may try again in `retry_after` seconds. Nothing of the delivery was kept."""

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__("the queue of the writer is full")
        self.retry_after = retry_after


class StoreFailed(ExporterError):
    """The transaction that held a delivery did not commit. Nothing of the delivery was kept."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one request brought from one source; also where nothing of it could be taken, so that it is counted."""

    source: str
    translated: Translated


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery once it is durable.

    `rejected` are those of the store (too old, too far ahead, unknown agent); their `index` is the event's place in
    `translated.events`.
    """

    accepted: int
    duplicate: int
    rejected: tuple[Rejection, ...]


class Sink(Protocol):
    def submit(self, delivery: Delivery) -> Future[Receipt]:
        """Raises `QueueFull`. The future ends when the delivery is durable, or with `StoreFailed`."""
        ...
