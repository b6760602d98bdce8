"""The exporter put together: store, writer, HTTP. Files are read and clocks are handed in by the caller."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from exporter import counts as c
from exporter.access import Access, read_tokens
from exporter.config import ExporterConfig, SourceConfig
from exporter.exposition import Exposition
from exporter.http import Application, Services, create_app
from exporter.ledger import Clock, Ledger, Times
from exporter.own_metrics import OwnMetrics
from exporter.privacy import load_or_create_key
from exporter.registry import Loaded
from exporter.schedule_rows import ScheduleRow
from exporter.sources import OTLP, SPAN_SOURCES
from exporter.status_page import STATES, Link, ScheduleView, SloView, SourceView, StatusView, render, state_of
from exporter.store import DATABASE, DirectoryLock, Store
from exporter.writer import Writer
from voice_slo import names
from voice_slo.budget import budget
from voice_slo.diagnostics import SloFileError
from voice_slo.explain import Explanation
from voice_slo.spec import SloFile

_US = 1_000_000
_log = logging.getLogger(__name__)

LoadFiles = Callable[[], Sequence[SloFile]]
"""Reads and checks the SLO files. Raises `SloFileError` or `OSError`."""


class Service:
    """Raises what opening raises: `StoreLocked`, `StoreVersion`, `SloFileError`, `TokenFileError`, `KeyFileError`."""

    def __init__(
        self, config: ExporterConfig, load_files: LoadFiles, clock: Clock, version: str, holder: str,
        tick_seconds: float = 1.0,
    ) -> None:  # fmt: skip
        self._config, self._load_files, self._clock, self._version = config, load_files, clock, version
        self._started = clock()
        directory = Path(config.data_dir)
        files = load_files()
        self.lock = DirectoryLock(directory, holder)
        self.own = OwnMetrics()
        self._mirror = c.Mirror()
        self._store = Store(directory / DATABASE, clock())
        self._ledger = Ledger(self._store, files, _times(config), clock, self.own, self._mirror)
        self._writer = Writer(self._ledger, self.own, config.limits.queue, tick_seconds)
        self._exposition = Exposition(self._mirror, self._registry())
        self._reloading = threading.Lock()
        self._reload_problem: str | None = None
        self._stopping = False
        self._note_load()
        self.app: Application = create_app(self._services(directory))

    def start(self) -> None:
        self._writer.start()

    def stop(self) -> None:
        """Write what is queued, close the store, release the directory."""
        self._stopping = True
        self._writer.stop()
        self._store.close()
        self.lock.close()

    def reload(self) -> str | None:
        """Load, check, swap. On failure the old SLOs stay in force; returns what was wrong."""
        with self._reloading:
            try:
                self._writer.reload(self._load_files())
            except (SloFileError, OSError) as e:
                self._reload_problem = str(e)
                self.own.set(names.RELOAD_SUCCESS, value=0)
                return self._reload_problem
            self._exposition.forget()
            self._note_load()
            return None

    # What is in force -------------------------------------------------------------------------------------------

    def _note_load(self) -> None:
        self._loaded = dict(self._ledger.loaded)
        self._reload_problem = None
        self.own.set(names.RELOAD_SUCCESS, value=1)
        self.own.set(names.RELOAD_TIME, value=self._clock() / _US)
        for agent, source in senders(self._config.sources, self._loaded):
            self.own.show(names.ACCEPTED, agent, source)

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry(auto_describe=False)
        self.own.set(names.BUILD_INFO, self._version, value=1)
        self.own.before_scrape(self._refresh)
        registry.register(self.own)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        return registry

    def _refresh(self) -> None:
        own = self.own
        own.set(names.QUEUE_EVENTS, value=self._writer.waiting)
        own.set(names.STORE_BYTES, value=self._store.size())
        values, waiting_now = self._mirror.units()
        for agent, entries in self._loaded.items():
            own.set(names.CALLS_OPEN, agent, value=waiting_now.open_calls.get(agent, 0))
            for entry in entries:
                whole = values.get((entry.row.id, c.WHOLE_SLO), {})
                waiting = waiting_now.pending.get(entry.row.id, 0)
                labels = (entry.slo.agent, entry.slo.name)
                own.set(names.UNITS_SEEN, *labels, value=whole.get((c.SEEN, ""), 0) + waiting)
                own.set(names.UNITS, *labels, "pending", value=waiting)
                for verdict in VERDICTS:
                    own.set(names.UNITS, *labels, verdict, value=whole.get((c.UNITS, verdict), 0))

    # HTTP -------------------------------------------------------------------------------------------------------

    def _services(self, directory: Path) -> Services:
        sources = self._config.sources
        return Services(
            sink=self._writer,
            access={name: Access(_tokens(s.token_file)) for name, s in sources.items()},
            settings={name: s.settings for name, s in sources.items()},
            limits=self._config.limits,
            caller_key=load_or_create_key(Path(self._config.caller_key_file)),
            count_rejected=lambda source, reason: self.own.inc(names.REJECTED, source, reason),
            metrics=self._metrics,
            status_page=lambda: render(self._status(directory)),
            not_ready=self._not_ready,
            reload=self.reload,
            slos=self._slos,
            explain=self._explain,
        )

    def _not_ready(self) -> str | None:
        if self._stopping:
            return "stopping"
        return None if self._writer.alive else "the writer has ended; restart the exporter"

    def _metrics(self) -> Iterator[bytes]:
        return self._exposition.render()

    def _explain(self, call: str) -> dict[str, list[Explanation]] | None:
        found = self._writer.call(lambda: self._ledger.explain(call))
        return {"calls": found} if found else None

    def _slos(self) -> object:
        return {"slos": [_as_json(view) for view in self._views()]}

    def _views(self) -> list[SloView]:
        values, waiting = self._mirror.units()
        by_slo: dict[int, list[tuple[str, dict[c.Name, int]]]] = {}
        for (slo, labels), counts in values.items():
            if labels != c.WHOLE_SLO:
                by_slo.setdefault(slo, []).append((labels, counts))
        entries = [entry for found in self._loaded.values() for entry in found]
        return [
            _view(entry, by_slo.get(entry.row.id, []), values.get((entry.row.id, c.WHOLE_SLO), {}),
                  waiting.pending.get(entry.row.id, 0))
            for entry in entries
        ]  # fmt: skip

    def _status(self, directory: Path) -> StatusView:
        last = self.own.value(names.RELOAD_TIME)
        return StatusView(
            version=self._version,
            now=_moment(self._clock() / _US),
            started=_moment(self._started / _US),
            not_ready=self._not_ready(),
            store=str(directory / DATABASE),
            store_bytes=self._store.size(),
            calls_open=sum(self._mirror.units()[1].open_calls.values()),
            last_reload=_moment(last) if last else None,
            slos=self._views(),
            sources=[self._source(name) for name in self._source_names()],
            warnings=self._warnings(),
            links=self._links(),
            schedules=[_schedule(flow.schedule, flow.runs) for flow in self._mirror.flows if flow.schedule],
        )

    def _source_names(self) -> list[str]:
        """The configured ones, then others that have spoken through one of them (OTLP scopes)."""
        heard = (labels[0] for labels, _ in self.own.items(names.EVENTS_RECEIVED))
        return list(dict.fromkeys((*self._config.sources, *heard)))

    def _source(self, name: str) -> SourceView:
        last = self.own.value(names.LAST_EVENT, name)
        return SourceView(
            name=name,
            received=int(self.own.value(names.EVENTS_RECEIVED, name)),
            accepted=int(self.own.value(names.EVENTS, name, "accepted")),
            duplicate=int(self.own.value(names.EVENTS, name, "duplicate")),
            rejected=int(self.own.value(names.EVENTS, name, "rejected")),
            set_aside=int(self.own.total(names.DROPPED_VALUES, name)),
            unmapped_end_reasons=int(self.own.value(names.UNMAPPED_END_REASONS, name)),
            last_event=_moment(last) if last else None,
        )

    def _warnings(self) -> list[str]:
        found = [] if self._reload_problem is None else [f"The last reload failed: {self._reload_problem}"]
        for (agent, slo, field), n in self.own.items(names.NOT_OBSERVABLE):
            found.append(
                f"{agent} {slo}: {int(n)} unit{'s' if n != 1 else ''} not judged, because no source of their calls can "
                f"observe {field}"
            )
        return found

    def _links(self) -> list[Link]:
        files = self._ledger.files
        found = [Link("metrics", "/metrics")]
        for file in files:
            if file.links.dashboards:
                uid = names.dashboard_uid(file.agent, "operator")
                found.append(Link(f"{file.agent} dashboard", f"{file.links.dashboards.rstrip('/')}/d/{uid}"))
        return found


def senders(sources: Mapping[str, SourceConfig], agents: Collection[str]) -> Iterator[tuple[str, str]]:
    """(agent, source) from which events may come: `otlp` brings those of scopes without settings of their own."""
    for name, source in sources.items():
        spoken = [span for span in SPAN_SOURCES if span not in sources] if name == OTLP else [name]
        yield from ((agent, one) for one in spoken for agent in agents if source.settings.agent in (None, agent))


VERDICTS = ("good", "bad", "excluded", "unknown", "not_concerned", "awaiting")


def _times(config: ExporterConfig) -> Times:
    longer = {name: s.settle for name, s in config.sources.items() if s.settle is not None}
    return Times(
        longer, config.settle.operational, config.settle.quality, config.settle.abandoned,
        config.retention.calls, config.retention.explain,
    )  # fmt: skip


def _tokens(path: str | None) -> tuple[bytes, ...]:
    return read_tokens(Path(path)) if path else ()


def _allowed(entry: Loaded, labels: str, counts: dict[c.Name, int]) -> Decimal:
    """Bad events that the eligible ones of one label set allow so far."""
    target = entry.slo.target(entry.named(labels))
    allowed = budget(target.objective, counts.get((c.WINDOW, c.ELIGIBLE), 0), 0).allowed
    return Decimal(allowed.numerator) / Decimal(allowed.denominator)


def _view(
    entry: Loaded, label_sets: list[tuple[str, dict[c.Name, int]]], whole: dict[c.Name, int], pending: int
) -> SloView:
    slo = entry.slo
    budgets = [
        (counts.get((c.WINDOW, c.ELIGIBLE), 0), counts.get((c.WINDOW, c.BAD), 0), _allowed(entry, labels, counts))
        for labels, counts in label_sets
    ]
    states = {state_of(*figures) for figures in budgets} or {STATES[0]}
    return SloView(
        agent=slo.agent, name=slo.name, title=slo.title, owner=slo.owner, objective=slo.objective, period=slo.period,
        eligible=sum(b[0] for b in budgets), bad=sum(b[1] for b in budgets),
        excluded=whole.get((c.UNITS, c.EXCLUDED), 0), unknown=whole.get((c.UNITS, c.UNKNOWN), 0),
        awaiting=whole.get((c.UNITS, c.AWAITING), 0), pending=pending,
        budget=sum((b[2] for b in budgets), Decimal(0)), state=max(states, key=STATES.index),
        calendar=slo.calendar,
    )  # fmt: skip


def _schedule(row: ScheduleRow, runs: Mapping[str, int]) -> ScheduleView:
    return ScheduleView(
        agent=row.agent, flow=row.flow, every=row.every // _US,
        last_run=None if row.last_run is None else _moment(row.last_run / _US), due=_moment(row.due / _US),
        good=runs["good"], bad=runs["bad"], missed=runs["missed"], unknown=runs["unknown"], failures=row.failures,
    )  # fmt: skip


def _as_json(view: SloView) -> dict[str, object]:
    return {
        "agent": view.agent, "slo": view.name, "title": view.title, "owner": view.owner,
        "objective": str(view.objective), "period_seconds": view.period,
        "calendar": view.calendar or None, "eligible": view.eligible, "bad": view.bad,
        "excluded": view.excluded, "unknown": view.unknown, "awaiting": view.awaiting, "pending": view.pending,
        "budget_events": str(view.budget), "remaining_events": str(view.remaining), "state": view.state,
    }  # fmt: skip


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
