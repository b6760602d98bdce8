"""Both identities, and the same counts as judging at once, over generated streams (DESIGN section 6)."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import counts as c
from tests.ledgers import Desk, judged, random_stream
from tests.slo_texts import every_sli
from voice_slo.events import Event
from voice_slo.spec import SloFile

FILE: SloFile = every_sli()
OUTCOMES = ("good", "bad", "excluded", "unknown", "awaiting", "not_concerned")
SEEDS = st.integers(0, 10_000)


def disturb(stream: list[Event], rng: random.Random) -> list[list[Event]]:
    """The same facts as a network would bring them: shuffled, some twice or thrice, in batches of any size."""
    events = stream + rng.choices(stream, k=len(stream) // 2)
    rng.shuffle(events)
    batches = []
    while events:
        size = rng.randrange(1, 12)
        batches.append(events[:size])
        events = events[size:]
    return batches


def feed(desk: Desk, batches: list[list[Event]], rng: random.Random, restarts: bool) -> None:
    for batch in batches:
        desk.wait(rng.uniform(0, 1))
        desk.send(batch)
        if restarts and rng.random() < 0.15:
            desk.restart()


def assert_identities(desk: Desk) -> None:
    received = desk.received()
    assert received["received"] == received["accepted"] + received["duplicate"] + received["rejected"]
    for slo in FILE.slos:
        states = desk.states(slo.name)
        assert desk.seen(slo.name) == sum(states.values()), slo.name
        assert all(n >= 0 for n in states.values()), (slo.name, states)
        assert desk.value(slo.name, c.ELIGIBLE) == desk.value(slo.name, c.GOOD) + sum(
            desk.bad_by_reason(slo.name).values()
        )
        assert desk.value(slo.name, c.AWAITING) == states["awaiting"]


def assert_counted_as_judged(desk: Desk, events: list[Event]) -> None:
    expected = judged(events, FILE)
    for slo in FILE.slos:
        states = desk.states(slo.name)
        found = Counter({outcome: states[outcome] for outcome in OUTCOMES})
        assert found == Counter({o: expected[slo.name][o] for o in OUTCOMES}), slo.name
        assert states["pending"] == 0
        assert desk.value(slo.name, c.WINDOW, c.ELIGIBLE) == found["good"] + found["bad"]
        assert desk.value(slo.name, c.WINDOW, c.BAD) == found["bad"]
        assert desk.value(slo.name, c.ELIGIBLE) == found["good"] + found["bad"]
        assert desk.value(slo.name, c.GOOD) == found["good"]


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_shuffled_duplicated_and_restarted_streams_count_as_judged_at_once(seed: int) -> None:
    rng, stream = random.Random(seed), random_stream(seed)
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), [FILE])
        feed(desk, disturb(stream, rng), rng, restarts=True)
        assert_identities(desk)
        assert desk.received()["accepted"] == len(set(map(repr, stream)))
        desk.settle()
        assert_identities(desk)
        assert_counted_as_judged(desk, stream)
        desk.restart()
        assert_counted_as_judged(desk, stream)
        # Everything once more, long after: nothing may count twice.
        desk.send(stream)
        desk.settle()
        assert_identities(desk)
        assert_counted_as_judged(desk, stream)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_a_truncated_stream_counts_as_what_arrived(seed: int) -> None:
    rng, whole = random.Random(seed), random_stream(seed)
    stream = rng.sample(whole, len(whole) * 2 // 3)
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), [FILE])
        feed(desk, disturb(stream, rng), rng, restarts=False)
        desk.settle()
        assert_identities(desk)
        assert_counted_as_judged(desk, stream)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_the_identities_hold_however_late_events_come(seed: int) -> None:
    rng, stream = random.Random(seed), random_stream(seed)
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), [FILE])
        for batch in disturb(stream, rng):
            desk.wait(rng.choice([0.1, 30, 90, 2_000, 15_000]))
            desk.send(batch)
            assert_identities(desk)
            if rng.random() < 0.2:
                desk.restart()
        desk.settle()
        assert_identities(desk)
