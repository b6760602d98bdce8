"""Outages declared afterwards: counted units are judged again, and no counter is lowered (DESIGN sections 4 and 6)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from exporter import counts as c
from exporter.exposition import Exposition
from exporter.ledger import Times
from tests.ledgers import SECOND, START, Desk, event, random_stream, simple_call, turn
from tests.slo_texts import EVERY_SLI, one
from voice_slo import names
from voice_slo.events import Event, from_us
from voice_slo.spec import SloFile

SLO = "turn-latency"
TEXT = EVERY_SLI.replace("BUDGET_BY", "[flow]")
PLAIN = one(TEXT)
FLOW = "{flow: faq}"
TTS = "{stage: tts, provider: acme-tts}"
DAY = 86_400


def outage(start: float, end: float, match: str = TTS, ticket: str = "INC-1", reason: str = "external_outage") -> str:
    begins, ends = (from_us(START + int(at * SECOND)).isoformat().replace("+00:00", "Z") for at in (start, end))
    return (
        f'  - {{reason: {reason}, from: "{begins}", to: "{ends}", match: {match}, ticket: {ticket}, '
        "approved_by: lead}\n"
    )


def declaring(*outages: str) -> SloFile:
    return one(TEXT.replace("slos:\n", "outages:\n" + "".join(outages) + "slos:\n", 1))


def failing(call: str, at: float, provider: str = "acme-tts") -> list[Event]:
    """A slow turn at `at` + 4 whose speech synthesis failed."""
    stage = event("stage", call, at + 3, turn=1, stage="tts", ok=False, provider=provider)
    return [*simple_call(call, at, good=False), stage]


def reload(desk: Desk, file: SloFile) -> None:
    desk.files = [file]
    desk.ledger.load([file])


def declare(desk: Desk, *outages: str) -> None:
    reload(desk, declaring(*outages) if outages else PLAIN)
    desk.wait(1)


def window(desk: Desk, slo: str = SLO) -> tuple[int, int]:
    return desk.value(slo, c.WINDOW, c.ELIGIBLE), desk.value(slo, c.WINDOW, c.BAD)


def plain_counters(desk: Desk) -> dict[object, int]:
    """Everything that a scrape shows as a counter but corrections."""
    kinds = (c.ELIGIBLE, c.GOOD, c.BAD, c.BAD_CALLERS, c.EXCLUDED, c.UNKNOWN, c.UNKNOWN_RESOLVED, c.CREATED)
    return {
        (key, name): value
        for key, values in desk.mirror.snapshot().items()
        for name, value in values.items()
        if name[0] in kinds
    }


def corrected(desk: Desk, extra: str, slo: str = SLO) -> int:
    return desk.value(slo, c.CORRECTED, extra)


TO_EXCLUDED = "bad|excluded|external_outage"
TO_BAD = "excluded|bad|external_outage"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    held = Desk(tmp_path, [PLAIN])
    held.send([*failing("hit", 10), *failing("other", 10, "rival-tts"), *simple_call("fine", 10)])
    held.send(failing("after", 500))
    held.settle()
    yield held
    held.store.close()


def test_an_outage_declared_afterwards_takes_counted_bad_units_out_of_the_window_and_lowers_no_counter(
    desk: Desk,
) -> None:
    before = plain_counters(desk)
    assert window(desk) == (4, 3)
    declare(desk, outage(0, 100))
    assert window(desk) == (3, 2)
    assert corrected(desk, TO_EXCLUDED) == 1
    assert desk.states(SLO) == Counter(good=1, bad=2, excluded=1)
    assert desk.seen(SLO) == 4
    assert plain_counters(desk) == before


def test_taking_it_back_makes_the_units_bad_again_with_their_reason(desk: Desk) -> None:
    before = plain_counters(desk)
    declare(desk, outage(0, 100))
    declare(desk)
    assert window(desk) == (4, 3)
    assert (corrected(desk, TO_EXCLUDED), corrected(desk, TO_BAD)) == (1, 1)
    assert desk.states(SLO) == Counter(good=1, bad=3)
    assert plain_counters(desk) == before
    rows = [u for u in desk.store.units_of(desk.store.calls_named("hit")[0]) if u.slo == desk.id(SLO)]
    assert [(u.reason, u.would_be, u.rule) for u in rows] == [("slow", "", "slos.turn-latency.good")]


def test_units_excluded_when_they_were_counted_come_back_when_the_outage_is_removed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [declaring(outage(0, 100))])
    desk.send(failing("hit", 10))
    desk.settle()
    assert window(desk) == (0, 0)
    assert desk.value(SLO, c.EXCLUDED, "external_outage|bad") == 1
    declare(desk)
    assert window(desk) == (1, 1)
    assert corrected(desk, TO_BAD) == 1
    assert desk.value(SLO, c.EXCLUDED, "external_outage|bad") == 1
    assert desk.value(SLO, c.ELIGIBLE) == 0


def test_an_edited_outage_judges_its_old_and_its_new_time(desk: Desk) -> None:
    declare(desk, outage(0, 100))
    declare(desk, outage(400, 600))
    assert window(desk) == (3, 2)
    assert (corrected(desk, TO_EXCLUDED), corrected(desk, TO_BAD)) == (2, 1)


def test_another_ticket_is_written_down_and_corrects_nothing(desk: Desk) -> None:
    declare(desk, outage(0, 100))
    declare(desk, outage(0, 100, ticket="INC-2"))
    assert corrected(desk, TO_EXCLUDED) == 1
    (row,) = (u for u in desk.store.units_of(desk.store.calls_named("hit")[0]) if u.slo == desk.id(SLO))
    assert row.rule == "slos.turn-latency.outages.INC-2"


def test_outages_are_not_part_of_the_definition(desk: Desk) -> None:
    slo, other = (next(s for s in file.slos if s.name == SLO) for file in (PLAIN, declaring(outage(0, 100))))
    assert (slo.definition, slo.core_definition) == (other.definition, other.core_definition)


def test_judging_again_goes_in_steps_and_survives_restarts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(9):
        desk.send(failing(f"more-{n}", 20))
    desk.settle()
    monkeypatch.setattr("exporter.corrections.STEP", 2)
    file = declaring(outage(0, 100))
    reload(desk, file)
    done = []
    while desk.ledger.tick():
        done.append(corrected(desk, TO_EXCLUDED))
        desk.restart()
    assert done == sorted(done)
    assert len(set(done)) > 3
    assert corrected(desk, TO_EXCLUDED) == 10
    assert desk.store.outages.rejudging() == []
    desk.restart()
    desk.wait(10)
    assert corrected(desk, TO_EXCLUDED) == 10


def test_a_step_that_fails_leaves_nothing_and_is_done_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reload(desk, declaring(outage(0, 100)))

    def full() -> None:
        raise OSError("disk is full")

    monkeypatch.setattr(desk.store, "commit", full)
    with pytest.raises(OSError, match="disk is full"):
        desk.ledger.tick()
    monkeypatch.undo()
    desk.ledger.recover()
    assert (window(desk), corrected(desk, TO_EXCLUDED)) == ((4, 3), 0)
    desk.wait(1)
    assert (window(desk), corrected(desk, TO_EXCLUDED)) == ((3, 2), 1)


def test_an_outage_declared_while_nothing_runs_is_seen_at_the_next_start(desk: Desk) -> None:
    desk.restart([declaring(outage(0, 100))])
    desk.wait(1)
    assert window(desk) == (3, 2)


def test_calls_whose_facts_are_gone_stay_and_are_counted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [PLAIN], times=Times(calls=2 * DAY))
    desk.send(failing("hit", 10))
    desk.settle()
    desk.wait(3 * DAY)
    declare(desk, outage(0, 100))
    assert (window(desk), corrected(desk, TO_EXCLUDED)) == ((1, 1), 0)
    assert desk.own.value(names.NOT_REJUDGED, "front-desk", SLO) == 1


def test_what_left_the_window_is_corrected_and_changes_no_window(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [PLAIN])
    desk.send(failing("hit", 10))
    desk.settle()
    desk.wait(31 * DAY)
    assert window(desk) == (0, 0)
    declare(desk, outage(0, 100))
    assert (window(desk), corrected(desk, TO_EXCLUDED)) == ((0, 0), 1)


def test_a_bad_turn_of_an_open_call_waits_where_a_failed_stage_could_still_excuse_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [declaring(outage(0, 100))])
    desk.send([event("call.started", "a", 0, segments={"flow": "faq"}), turn("a", 1, 5, 9.0, tool_used=True)])
    assert desk.states("tool-turn-latency") == Counter(pending=1)
    desk.send([event("stage", "a", 4, turn=1, stage="tts", ok=False, provider="acme-tts")])
    assert desk.states("tool-turn-latency") == Counter(excluded=1)


def test_what_an_open_call_had_counted_is_judged_again_when_it_settles(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [PLAIN])
    desk.send([event("call.started", "a", 0, segments={"flow": "faq"}), turn("a", 1, 5, 9.0, tool_used=True)])
    declare(desk, outage(0, 100))
    assert window(desk, "tool-turn-latency") == (1, 1)
    desk.send([event("stage", "a", 4, turn=1, stage="tts", ok=False, provider="acme-tts")])
    desk.settle()
    assert window(desk, "tool-turn-latency") == (0, 0)
    assert corrected(desk, TO_EXCLUDED, "tool-turn-latency") == 1


def test_explain_tells_what_was_corrected(desk: Desk) -> None:
    declare(desk, outage(0, 100))
    (said,) = desk.ledger.explain("hit")
    (unit,) = (u for u in said.units if u.slo == SLO)
    assert (unit.verdict, unit.counted, unit.would_be) == ("excluded", "excluded", "bad")
    (line,) = unit.corrected
    assert line.endswith(" bad → excluded (external_outage) by slos.turn-latency.outages.INC-1")


def test_corrections_are_shown_from_0_where_an_outage_is_declared(desk: Desk) -> None:
    declare(desk, outage(0, 100))
    shown = b"".join(Exposition(desk.mirror, CollectorRegistry()).render()).decode()
    labels = f'agent="front-desk",slo="{SLO}",flow="faq",from='
    assert f'voice_sli_corrected_total{{{labels}"bad",to="excluded",reason="external_outage"}} 1\n' in shown
    assert f'voice_sli_corrected_total{{{labels}"excluded",to="bad",reason="external_outage"}} 0\n' in shown


# The same as from the start -----------------------------------------------------------------------------------------


def stream_of(seed: int) -> list[Event]:
    rng = random.Random(seed)
    stream = random_stream(seed)
    for e in list(stream):
        if e.__struct_config__.tag == "turn" and rng.random() < 0.5:
            provider = rng.choice(["acme-tts", "rival-tts"])
            at = (e.at_us - START) / SECOND
            stage = rng.choice(["tts", "llm"])
            stream.append(event("stage", e.call or "", at, turn=e.turn, stage=stage, ok=False, provider=provider))  # type: ignore[union-attr]
    return stream


def outages_of(rng: random.Random) -> list[str]:
    matches = [TTS, FLOW, "{stage: llm}", "{provider: rival-tts, flow: booking}"]
    return [outage(start := rng.uniform(-50, 200), start + rng.uniform(50, 400), rng.choice(matches), f"INC-{n}")
            for n in range(rng.randrange(1, 4))]  # fmt: skip


def batches(stream: list[Event], rng: random.Random) -> Iterator[list[Event]]:
    shuffled = stream + rng.choices(stream, k=len(stream) // 3)
    rng.shuffle(shuffled)
    while shuffled:
        size = rng.randrange(1, 12)
        yield shuffled[:size]
        shuffled = shuffled[size:]


def assert_identity(desk: Desk) -> None:
    for slo in PLAIN.slos:
        states = desk.states(slo.name)
        assert desk.seen(slo.name) == sum(states.values()), slo.name
        assert all(n >= 0 for n in states.values()), (slo.name, states)


def shown(desk: Desk) -> dict[str, object]:
    return {
        slo.name: (
            desk.states(slo.name),
            [
                (key[1], values.get((c.WINDOW, c.ELIGIBLE), 0), values.get((c.WINDOW, c.BAD), 0))
                for key, values in sorted(desk.mirror.snapshot().items())
                if key[0] == desk.id(slo.name) and key[1] != c.WHOLE_SLO
            ],
        )
        for slo in PLAIN.slos
    }


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_declaring_outages_at_any_time_counts_as_judging_with_them_from_the_start(seed: int) -> None:
    rng, stream = random.Random(seed), stream_of(seed)
    final = declaring(*outages_of(rng))
    with TemporaryDirectory() as here, TemporaryDirectory() as there:
        first = Desk(Path(there), [final])
        for batch in batches(stream, rng):
            first.send(batch)
        first.settle()

        desk = Desk(Path(here), [PLAIN])
        versions = [declaring(*outages_of(rng)), PLAIN, declaring(*outages_of(rng))]
        for batch in batches(stream, rng):
            desk.wait(rng.uniform(0, 1))
            desk.send(batch)
            if versions and rng.random() < 0.1:
                reload(desk, versions.pop())
            if rng.random() < 0.1:
                desk.restart()
        if rng.random() < 0.5:
            desk.settle()
            reload(desk, declaring(*outages_of(rng)))
            desk.ledger.tick()
        before = plain_counters(desk)
        desk.restart([final])
        desk.settle()
        assert_identity(desk)
        assert shown(desk) == shown(first)
        after = plain_counters(desk)
        assert all(after[key] >= value for key, value in before.items())
        for slo in PLAIN.slos:
            turned = sum(corrected(desk, extra, slo.name) for extra in (TO_EXCLUDED,))
            back = corrected(desk, TO_BAD, slo.name)
            assert desk.value(slo.name, c.ELIGIBLE) - turned + back == desk.value(slo.name, c.WINDOW, c.ELIGIBLE)
