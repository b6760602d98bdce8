"""What goes wrong and when: one list, laid out over however many days are simulated.

The early part [0, days - period) is where the period of a later look begins, the late part [period, days) is where the
looks are: so everything happens once at the start of a period and once at its end. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

START = 1_767_571_200
"""2026-01-05T00:00:00Z, a Monday: a fixed time, so that a run depends on its seed only."""
MINUTE, HOUR, DAY = 60, 3600, 86400
PARTS = 16
"""The early and the late part are laid out in sixteenths; of 8 days every odd one is a noon."""
CRASHES = 8


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is simulated; `days` and `period_days` whole, `flows` at least 4, each with two routes."""

    days: int = 38
    period_days: int = 30
    flows: int = 12
    seed: int = 1

    @property
    def period(self) -> int:
        return self.period_days * DAY

    @property
    def end(self) -> int:
        return START + self.days * DAY


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end)"""

    start: float
    end: float

    def __contains__(self, at: float) -> bool:
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class Incident:
    """`bad` of the units of these flows (places in the list of flows) fail."""

    span: Span
    flows: Sequence[int]
    bad: float


@dataclass(frozen=True, slots=True)
class Disturbances:
    """`births`: place of a flow → when it begins to be counted; `redefined`: when the second SLO's definition changes;
    `deploy`: when another pod takes over the store; `store_lost`: when the second agent's exporter is down, and comes
    back with an empty store.
    """

    crash_loops: Sequence[Span]
    restarts: Sequence[Span]
    deploy: Span
    scrape_gaps: Sequence[Span]
    birth_gaps: Sequence[Span]
    prometheus_outages: Sequence[Span]
    rule_outages: Sequence[Span]
    births: Mapping[int, float]
    redefined: Sequence[float]
    store_lost: Span
    incidents: Sequence[Incident]

    def down(self) -> list[Span]:
        """When the first agent's exporter does not run."""
        return sorted([*self.restarts, self.deploy], key=lambda span: span.start)

    def unscraped(self) -> list[Span]:
        """When no exporter is scraped, whether it runs or not."""
        return [*self.scrape_gaps, *self.birth_gaps, *self.prometheus_outages]

    def unevaluated(self) -> list[Span]:
        """When no rule is evaluated."""
        return [*self.prometheus_outages, *self.rule_outages]

    def unrecorded(self) -> list[Span]:
        """When nothing new was recorded, with the two minutes that a scrape needs through all groups of rules."""
        spans = [*self.unscraped(), *self.unevaluated(), *self.down(), self.store_lost]
        return [Span(span.start, span.end + 2 * MINUTE) for span in spans]


def laid_out(scale: Scale) -> Disturbances:
    zone = (scale.days - scale.period_days) * DAY

    def early(sixteenth: float) -> float:
        return START + sixteenth / PARTS * zone

    def late(sixteenth: float) -> float:
        """Set off a little, so that not everything at the end of a period is also at its beginning."""
        return START + scale.period + (sixteenth + 0.25) / PARTS * zone

    def midway(share: float) -> float:
        return START + share * scale.period

    loops = [_crash_loop(early(7)), _crash_loop(late(7))]
    single = [early(1), early(15), *(midway(0.3 + n * 0.09) for n in range(6)), late(1), late(15)]
    births = {2: late(4), 3: late(10), 6: early(10)}
    return Disturbances(
        crash_loops=[Span(loop[0].start, loop[-1].end) for loop in loops],
        restarts=[*(Span(at, at + 50) for at in single), *(crash for loop in loops for crash in loop)],
        deploy=_minutes(late(13), 1),
        scrape_gaps=[_minutes(early(5), 10), _minutes(late(3), 10)],
        birth_gaps=[_minutes(at, 4) for at in births.values()],
        prometheus_outages=[_minutes(early(3), 20), _minutes(early(9), 20), _minutes(late(5), 20)],
        rule_outages=[_minutes(early(11), 20), _minutes(late(9), 20)],
        births={place: at for place, at in births.items() if place < scale.flows},
        redefined=[late(12.5), late(12.5) + 40 * MINUTE],
        store_lost=_minutes(late(6), 2),
        incidents=_incidents(early(9), early(13), midway(0.4), midway(0.7), late(11)),
    )


def _incidents(outage: float, early: float, long: float, night: float, late: float) -> list[Incident]:
    """The first begins and ends inside an outage of Prometheus."""
    return [
        Incident(Span(outage + 4 * MINUTE, outage + 16 * MINUTE), (0, 4, 8), 0.5),
        Incident(Span(early, early + 20 * MINUTE), (0, 1, 7, 10), 1.0),
        Incident(Span(long, long + 12 * HOUR), (1, 5, 9), 0.03),
        Incident(Span(night, night + 2 * HOUR), range(12), 1.0),
        Incident(Span(late, late + HOUR), (0, 2, 5, 9), 0.5),
    ]


def _crash_loop(start: float) -> list[Span]:
    """Up for ten seconds, down for eighty: now and then a scrape meets it running."""
    return [Span(start + n * 90, start + n * 90 + 80) for n in range(CRASHES)]


def _minutes(start: float, minutes: float) -> Span:
    return Span(start, start + minutes * MINUTE)


def within(at: float, spans: Iterable[Span]) -> bool:
    return any(at in span for span in spans)
