"""Events in, counters out: one group of deliveries is one transaction. Single-threaded; the writer's thread owns it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from exporter import slices
from exporter.calls import EVENTS_A_CALL, Call, Calls, Taken, compact, take, write
from exporter.corrections import Corrections
from exporter.counting import Counting
from exporter.counts import Counts, Mirror, Waiting
from exporter.intake import Delivery, Receipt, Rejection
from exporter.own_metrics import Notes, OwnMetrics
from exporter.registry import Loaded, advance_window, exposed, register
from exporter.schedules import Miss, Schedules
from exporter.slices import Slices
from exporter.store import Store
from voice_slo import names
from voice_slo.events import Event, rfc3339
from voice_slo.explain import Explanation, explain
from voice_slo.facts import join, missed_run
from voice_slo.spec import SloFile
from voice_slo.units import Phase

_US = 1_000_000
AHEAD = 600 * _US
"""Clocks differ; an event further ahead than ten minutes comes from one that is wrong."""
UNIT_KEYS_OUTLIVE = 7 * 86_400 * _US
LONGEST_SETTLE = 1_800
CALLS_A_TICK = 20
PRUNE_STEP = 50
"""Small steps: events wait for a running step, and 20 calls take the writer about 20 ms."""

Clock = Callable[[], int]
"""Now, in µs since the epoch."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: how long calls may change and how long they are kept. `sources`: those that need longer to settle."""

    sources: Mapping[str, int] = field(default_factory=dict)
    operational: int = 60
    quality: int = 1_800
    abandoned: int = 4 * 3_600
    calls: int = 35 * 86_400
    explain: int = 7 * 86_400


class Ledger:
    """The store with what is in memory of it. After an exception of `apply` or `tick`, call `recover`."""

    def __init__(
        self, store: Store, files: Sequence[SloFile], times: Times, clock: Clock, own: OwnMetrics, mirror: Mirror
    ) -> None:  # fmt: skip
        self.store, self.times, self.clock, self.own, self.mirror = store, times, clock, own, mirror
        self.files: Sequence[SloFile] = ()
        self.loaded: dict[str, list[Loaded]] = {}
        self._calls = Calls(store)
        self._schedules = Schedules(store, clock())
        self._restore()
        self.load(files)

    # State ------------------------------------------------------------------------------------------------------

    def _restore(self) -> None:
        self._calls.clear()
        self._schedules.restore()
        self.counts = Counts.of(self.store.counters())
        pending: dict[int, int] = {}
        self._open_calls = self.store.open_calls()
        for waiting in self.store.pending():
            for slo, n in msgspec.json.decode(waiting, type=dict[int, int]).items():
                pending[slo] = pending.get(slo, 0) + n
        self._notes = Notes()
        self._counting = Counting(self.store, self.counts, self._notes, pending, Slices(self.counts))
        self._corrections = Corrections(self.store, self.counts, self._notes)

    @property
    def pending(self) -> dict[int, int]:
        """SLO (store id) → units that exist and have no verdict yet."""
        return self._counting.pending

    def recover(self) -> None:
        """After a failed transaction: what is in memory becomes again what is on disk."""
        self.store.rollback()
        self._restore()
        self.load(self.files)

    def load(self, files: Sequence[SloFile]) -> None:
        """Put these SLO files in force; open calls are judged by them from now on."""
        self.store.begin()
        try:
            now = self.clock()
            self.loaded = register(self.store, self.counts, files, now)
            self._schedules.load(files, now)
            slices.complete(self.counts, self._entries())
            self._commit()
        except BaseException:
            self.store.rollback()
            raise
        self.files = files
        self._counting.slices.forget()
        self._declared = {file.agent: _declared(file) for file in files}
        self.mirror.replace(exposed(self.loaded), self.counts.values)
        self.mirror.flows = self._schedules.shown()

    def _commit(self) -> None:
        gone, rows = self.counts.take_gone(), self.counts.take_dirty()
        self.store.delete_counters(gone)
        self.store.put_counters(rows)
        runs_changed = self._schedules.write()
        self.store.commit()
        self.mirror.publish(rows, gone, Waiting(dict(self.pending), self._open_calls))
        if runs_changed:
            self.mirror.flows = self._schedules.shown()
        self.own.apply(self._notes)

    # Events -----------------------------------------------------------------------------------------------------

    def apply(self, deliveries: Sequence[Delivery]) -> list[Receipt]:
        """One transaction for all of them. Returns when everything accepted is durable."""
        now = self.clock()
        self.store.begin()
        touched: dict[int, Call] = {}
        receipts = [self._take(delivery, touched, now) for delivery in deliveries]
        for call in touched.values():
            self._arrived(call, now)
            self._judge(call, now)
        write(self.store, touched.values())
        self._commit()
        self._calls.forget_old(touched.values())
        for delivery, receipt in zip(deliveries, receipts, strict=True):
            self._note(delivery, receipt, now)
        return receipts

    def _take(self, delivery: Delivery, touched: dict[int, Call], now: int) -> Receipt:
        accepted = duplicate = 0
        rejected: list[Rejection] = []
        for index, event in enumerate(delivery.translated.events):
            agent = event.agent or self._only_agent()
            refused = self._refuse(event, agent, index, now)
            if refused is not None:
                rejected.append(refused)
                continue
            assert agent is not None
            call = self._call(agent, event, touched, now)
            match take(call, self._trimmed(event, agent, delivery.source), delivery.source):
                case Taken.NEW:
                    accepted += 1
                    self._notes.inc(names.ACCEPTED, agent, delivery.source)
                case Taken.REPEAT:
                    duplicate += 1
                case Taken.TOO_MANY:
                    error = f"its call has sent {EVENTS_A_CALL} events already"
                    rejected.append(Rejection(index, "call", error, Taken.TOO_MANY.value))
        return Receipt(accepted, duplicate, tuple(rejected))

    def _trimmed(self, event: Event, agent: str, source: str) -> Event:
        """The event as it is kept: with its source, and of its segments those that the SLO file declares."""
        segments = event.segments
        if segments and not segments.keys() <= self._declared[agent]:
            segments = {name: value for name, value in segments.items() if name in self._declared[agent]}
            self._notes.inc(names.DROPPED_VALUES, source, "segment_not_declared")
        if segments is event.segments and event.source is not None:
            return event
        return msgspec.structs.replace(event, source=event.source or source, segments=segments or None)

    def _only_agent(self) -> str | None:
        return next(iter(self.loaded)) if len(self.loaded) == 1 else None

    def _refuse(self, event: Event, agent: str | None, index: int, now: int) -> Rejection | None:
        if agent is None:
            known = ", ".join(sorted(self.loaded))
            return Rejection(index, "agent", f"missing, and several agents are loaded: {known}", "agent_missing")
        if agent not in self.loaded:
            known = ", ".join(sorted(self.loaded)) or "none"
            return Rejection(index, "agent", f"no SLO file of this agent is loaded; loaded: {known}", "agent_unknown")
        if event.at_us > now + AHEAD:
            return Rejection(index, "at", f"more than {AHEAD // 60 // _US} minutes ahead of the clock", "too_far_ahead")
        if event.at_us < now - self.times.calls * _US:
            return Rejection(index, "at", f"older than {self.times.calls // 86_400} days", "too_old")
        return None

    def _call(self, agent: str, event: Event, touched: dict[int, Call], now: int) -> Call:
        call, same = self._calls.find(agent, event, now)
        touched[call.row.id] = call
        for id_ in same:
            other = self._calls.get(id_)
            self._counting.merge_units(call, other, self.loaded.get(agent, []))
            self._calls.absorb(call, other)
            touched.pop(id_, None)
        return call

    def _arrived(self, call: Call, now: int) -> None:
        """Set the call's timer: from the later of its end and the last arrival, by this clock."""
        if not call.fresh:
            return
        row = call.row._replace(last_receipt=now)
        if call.facts.ended and row.end_receipt is None:
            row = row._replace(end_receipt=now)
            if row.phase > Phase.OPEN and not any(u.unit in ("call", "turn") for u in call.units.values()):
                row = row._replace(phase=int(Phase.OPEN))
        patience = now + self._patience(call) * _US
        if row.phase == Phase.OPEN:
            row = row._replace(due=patience, advance=patience)
        else:
            # Settled, but its newest facts may be followed by others: judged together, once they are quiet.
            quiet = now + self.times.operational * _US
            row = row._replace(due=quiet if row.advance is None else min(quiet, row.advance))
        call.row = row

    def _patience(self, call: Call) -> int:
        """Seconds without news after which an open call settles."""
        if call.facts.ended:
            slowest = max((self.times.sources.get(source, 0) for source in call.facts.reported), default=0)
            return max(self.times.operational, min(slowest, LONGEST_SETTLE))
        return self.times.abandoned if call.facts.has_lifecycle or call.facts.speech else self.times.quality

    def _judge(self, call: Call, now: int) -> None:
        if call.facts.overflow:
            self._notes.inc(names.DROPPED_VALUES, "store", "call_too_large")
        if call.row.phase == Phase.OPEN:
            self._schedules.observe(call, now)
            self._counting.judge_call(call, self.loaded.get(call.row.agent, []), now)

    def _note(self, delivery: Delivery, receipt: Receipt, now: int) -> None:
        source, translated = delivery.source, delivery.translated
        own = self.own
        rejected = (*translated.rejected, *receipt.rejected)
        own.inc(names.EVENTS_RECEIVED, source, by=receipt.accepted + receipt.duplicate + len(rejected))
        own.inc(names.EVENTS, source, "accepted", by=receipt.accepted)
        own.inc(names.EVENTS, source, "duplicate", by=receipt.duplicate)
        own.inc(names.EVENTS, source, "rejected", by=len(rejected))
        for rejection in rejected:
            own.inc(names.REJECTED, source, rejection.reason)
        for reason, n in translated.dropped.items():
            own.inc(names.DROPPED_VALUES, source, reason, by=n)
        if translated.unmapped_end_reasons:
            own.inc(names.UNMAPPED_END_REASONS, source, by=translated.unmapped_end_reasons)
        if receipt.accepted:
            own.set(names.LAST_EVENT, source, value=now / _US)

    # Time -------------------------------------------------------------------------------------------------------

    def tick(self) -> bool:
        """Settle what is due, let windows move on, prune. True where more is due already."""
        now = self.clock()
        self.store.begin()
        due = self.store.due_calls(now, CALLS_A_TICK)
        settled = [self._calls.get(id_) for id_ in due]
        for call in settled:
            self._settle(call, now)
        missed = [self._miss(miss, now) for miss in self._schedules.overdue(now)]
        write(self.store, [*settled, *missed])
        corrected, uncorrected = self._corrections.step(self._calls, self._entries(), now)
        for entry in self._entries():
            advance_window(self.store, self.counts, entry, now)
        for id_ in self.store.compactable(now - self.times.explain * _US, PRUNE_STEP):
            compact(self.store, self._calls.get(id_))
        kept = max(self.times.calls, self.store.longest_period()) * _US + UNIT_KEYS_OUTLIVE
        pruned = self.store.prune(now - self.times.calls * _US, now - kept, PRUNE_STEP)
        self._calls.drop(pruned)
        self._open_calls = self.store.open_calls()
        self._commit()
        self._schedules.listened(now)
        self._calls.forget_old([*settled, *missed, *corrected])
        return uncorrected or len(due) == CALLS_A_TICK or len(pruned) >= PRUNE_STEP

    def _entries(self) -> Iterable[Loaded]:
        return (entry for entries in self.loaded.values() for entry in entries)

    def _settle(self, call: Call, now: int) -> None:
        """Judge the call in its phase, or take it one phase further and judge it there."""
        loaded = self.loaded.get(call.row.agent, [])
        advancing = call.row.advance is not None and call.row.advance <= now
        if advancing:
            self._advance(call, now)
        self._schedules.observe(call, now)
        self._counting.judge_call(call, loaded, now, late=not advancing)
        if advancing:
            self._corrections.settled(call, loaded, now)
        self._counting.expire_awaiting(call, loaded, now)
        advance = call.row.advance
        if call.row.phase >= Phase.QUALITY:
            advance = self._counting.next_expiry(call, loaded)
        call.row = call.row._replace(due=advance, advance=advance)

    def _advance(self, call: Call, now: int) -> None:
        row = call.row
        if row.phase == Phase.OPEN:
            if not call.facts.ended and call.facts.has_lifecycle:
                self._notes.inc(names.CALLS_ABANDONED, row.agent)
            quality = max(now, row.last_receipt + self.times.quality * _US)
            call.row = row._replace(phase=int(Phase.OPERATIONAL), advance=quality)
        else:
            call.row = row._replace(phase=int(Phase.QUALITY), advance=None)

    def _miss(self, miss: Miss, now: int) -> Call:
        """A call that holds nothing but the facts of a run that never came, so that it is judged as any other is."""
        key = f"missed:{miss.flow}:{rfc3339(miss.due)}"
        found = self.store.find_call(miss.agent, "call", key)
        call = self._calls.get(self.store.insert_call(miss.agent, key, now) if found is None else found)
        join(call.facts, missed_run(miss.flow, miss.due, now))
        call.folded = True
        call.row = call.row._replace(phase=int(Phase.QUALITY), due=None, advance=None)
        self._schedules.missed(miss, call.row.id)
        self._counting.judge_call(call, self.loaded.get(miss.agent, []), now)
        return call

    def explain(self, value: str) -> list[Explanation]:
        """Why the calls with this id were counted so; what stands in the counters beside what the facts say now."""
        found = []
        for id_ in self.store.calls_named(value):
            call = self._calls.get(id_)
            loaded = self.loaded.get(call.row.agent, [])
            phase = Phase(min(call.row.phase, Phase.QUALITY))
            said = explain(call.row.agent, call.row.key, call.facts, [entry.slo for entry in loaded], phase)
            held = {
                (entry.slo.name, row.unit, row.id): row.outcome
                for entry in loaded
                for row in call.units.values()
                if row.slo == entry.row.id
            }
            corrected = self._corrected(id_, loaded)
            keys = [(u.slo, u.unit, u.id) for u in said.units]
            counted = tuple(
                replace(u, counted=held.get(key, ""), corrected=corrected.get(key, ()))
                for u, key in zip(said.units, keys, strict=True)
            )
            found.append(replace(said, units=counted))
        return found

    def _corrected(self, call: int, loaded: Iterable[Loaded]) -> dict[tuple[str, str, str], tuple[str, ...]]:
        """(SLO, unit, id) → what outages changed of it after it was counted, in order."""
        slos = {entry.row.id: entry.slo.name for entry in loaded}
        found: dict[tuple[str, str, str], tuple[str, ...]] = {}
        for row in self.store.outages.corrections_of(call):
            if row.slo in slos:
                said = f"{rfc3339(row.at)} {row.was} → {row.became} ({row.reason}) by {row.rule}"
                key = slos[row.slo], row.unit, row.id
                found[key] = (*found.get(key, ()), said)
        return found


def _declared(file: SloFile) -> frozenset[str]:
    return frozenset(file.segments)
