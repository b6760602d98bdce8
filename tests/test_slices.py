"""Good and bad units by segments without a budget of their own: they add up, and stay bounded (DESIGN section 7)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import counts as c
from exporter.exposition import series
from exporter.slices import VERDICTS
from tests.ledgers import SECOND, START, Desk, event, random_stream, simple_call, turn
from tests.slo_texts import EVERY_SLI, one
from voice_slo import names
from voice_slo.events import Event
from voice_slo.spec import SloFile

DAY = 86_400
PROVIDERS = "  asr_provider: [acme-asr]\n  llm_provider: [acme-llm]\n  llm_model: {max: 2}\n  tts_provider: {max: 2}\n"
TEXT = EVERY_SLI.replace("BUDGET_BY", "[flow]").replace(
    "exclusions:", f"  agent_version: {{max: 2}}\n{PROVIDERS}exclusions:", 1
)
FILE = one(TEXT)
SLO = "turn-latency"


def with_line(old: str, new: str) -> SloFile:
    assert old in TEXT
    return one(TEXT.replace(old, new))


def versioned(call: str, at: float, version: str | None, *, good: bool = True, **segments: str) -> list[Event]:
    first, *rest = simple_call(call, at, good=good)
    given = {**(first.segments or {}), **segments} | ({"agent_version": version} if version is not None else {})
    return [msgspec.structs.replace(first, segments=given), *rest]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    held = Desk(tmp_path, [FILE])
    yield held
    held.store.close()


def slices(desk: Desk, dimension: str, slo: str = SLO) -> dict[str, tuple[int, int]]:
    """Value → (good, bad) as a scrape shows them, over all label sets."""
    found: dict[str, Counter[str]] = {}
    for shown in series(*desk.mirror.exposed()):
        labels = dict(shown.labels)
        if shown.metric is names.SLICES and (labels["slo"], labels["dimension"]) == (slo, dimension):
            found.setdefault(labels["value"], Counter())[labels["verdict"]] += int(shown.value)
    return {value: (n["good"], n["bad"]) for value, n in found.items()}


def assert_adds_up(desk: Desk, *, gone: bool = False) -> None:
    """For each label set and dimension the values add up to the counter. `gone`: some may have given way."""
    for (slo, labels), held in desk.mirror.snapshot().items():
        if labels == c.WHOLE_SLO or slo not in {e.row.id for e in desk.ledger.loaded["front-desk"]}:
            continue
        entry = next(e for e in desk.ledger.loaded["front-desk"] if e.row.id == slo)
        for verdict in VERDICTS:
            total = sum(n for (name, _), n in held.items() if name == verdict)
            for segment in entry.dimensions:
                head = f"{verdict}|{segment.name}"
                shown = sum(n for (name, extra), n in held.items() if name == c.SLICE and extra.startswith(head + "|"))
                left = held.get((c.SLICE_GONE, head), 0)
                assert shown + left == total, (entry.slo.name, labels, head)
                assert gone or left == 0


def test_a_unit_counts_once_under_its_value_of_each_declared_segment_but_those_with_a_budget(desk: Desk) -> None:
    desk.send(versioned("a", 0, "v1", language="es-AR"))
    desk.send(versioned("b", 0, "v1", good=False, language="xx"))
    desk.settle()
    assert slices(desk, "agent_version") == {"v1": (1, 1)}
    assert slices(desk, "language") == {"es": (1, 0), "other": (0, 1)}
    assert slices(desk, "tts_provider") == {"unknown": (1, 1)}
    assert slices(desk, "flow") == {}


def test_what_is_excluded_or_unknown_or_older_than_its_series_is_in_no_slice(desk: Desk) -> None:
    first, *rest = versioned("a", 0, "v1")
    desk.send([msgspec.structs.replace(first, synthetic=True), *rest])
    desk.send(versioned("old", -3_600, "v1"))
    desk.settle()
    assert slices(desk, "agent_version") == {}
    assert_adds_up(desk)


def test_providers_are_those_of_the_turns_own_stages(desk: Desk) -> None:
    stages = [
        event("stage", "a", 3, turn=1, stage="asr", provider="acme-asr"),
        event("stage", "a", 3.2, turn=1, stage="llm", provider="acme-llm", model="big"),
        event("stage", "a", 3.5, turn=1, stage="tts", provider="acme-tts", ok=False),
        event("stage", "a", 3.6, turn=1, stage="tts", provider="fallback-tts"),
        event("stage", "a", 9, turn=2, stage="llm", provider="acme-llm", model="small"),
        event("stage", "a", 9.1, turn=2, stage="tts", provider="fallback-tts"),
    ]
    desk.send([*simple_call("a", 0, good=False), *stages, turn("a", 2, 10, 0.5)])
    desk.settle()
    assert slices(desk, "tts_provider") == {"acme-tts": (0, 1), "fallback-tts": (1, 0)}
    assert slices(desk, "llm_model") == {"big": (0, 1), "small": (1, 0)}
    assert slices(desk, "llm_provider") == {"acme-llm": (1, 1)}
    assert slices(desk, "asr_provider") == {"acme-asr": (0, 1), "unknown": (1, 0)}


def test_both_verdicts_of_a_value_appear_with_its_first_unit(desk: Desk) -> None:
    desk.send(versioned("a", 0, "v1"))
    desk.settle()
    shown = [dict(s.labels) for s in series(*desk.mirror.exposed()) if s.metric is names.SLICES]
    assert {s["verdict"] for s in shown if (s["slo"], s["dimension"]) == (SLO, "agent_version")} == {"good", "bad"}


def test_an_unknown_verdict_enters_its_slices_when_it_is_resolved(desk: Desk) -> None:
    desk.send([*versioned("a", 0, "v1"), event("task", "a", 21, result="unknown")])
    desk.settle()
    assert slices(desk, "agent_version", "task-completion") == {}
    desk.send([event("task", "a", 22, result="bad", evaluator="human")])
    desk.quiet()
    assert slices(desk, "agent_version", "task-completion") == {"v1": (0, 1)}


# Open segments ----------------------------------------------------------------------------------------------------


def deploy(desk: Desk, *versions: str) -> dict[str, tuple[int, int]]:
    """One good call of each version, now."""
    for version in versions:
        at = (desk.now - START) / SECOND
        desk.send(versioned(f"{version}-{at}", at, version))
        desk.wait(90)
    return slices(desk, "agent_version")


def test_beyond_its_cap_every_value_of_an_open_segment_counts_as_other(desk: Desk) -> None:
    assert deploy(desk, "v1", "v2", "v3", "v4") == {"v1": (1, 0), "v2": (1, 0), "other": (2, 0)}
    desk.restart()
    assert deploy(desk, "v1", "v5") == {"v1": (2, 0), "v2": (1, 0), "other": (3, 0)}
    assert_adds_up(desk)


def test_the_value_unseen_longest_gives_way_after_a_week_and_no_other_value_jumps(desk: Desk) -> None:
    deploy(desk, "v1", "v2", "v3")
    desk.wait(3 * DAY)
    deploy(desk, "v2")
    desk.wait(4 * DAY)
    assert deploy(desk, "v4") == {"v2": (2, 0), "v4": (1, 0), "other": (1, 0)}
    desk.restart()
    assert deploy(desk, "v1") == {"v2": (2, 0), "v4": (1, 0), "other": (2, 0)}
    assert_adds_up(desk, gone=True)
    desk.wait(7 * DAY)
    assert deploy(desk, "v1", "v1") == {"v1": (2, 0), "v4": (1, 0), "other": (2, 0)}
    assert_adds_up(desk, gone=True)


def test_a_value_in_use_never_gives_way(desk: Desk) -> None:
    for _ in range(10):
        deploy(desk, "v1", "v2")
        desk.wait(DAY)
    assert deploy(desk, "v3") == {"v1": (10, 0), "v2": (10, 0), "other": (1, 0)}


def test_a_larger_cap_names_more_and_a_smaller_one_takes_effect_by_and_by(desk: Desk) -> None:
    deploy(desk, "v1", "v2", "v3")
    desk.restart([with_line("agent_version: {max: 2}", "agent_version: {max: 3}")])
    assert deploy(desk, "v3", "v4") == {"v1": (1, 0), "v2": (1, 0), "v3": (1, 0), "other": (2, 0)}
    desk.restart([with_line("agent_version: {max: 2}", "agent_version: {max: 1}")])
    assert set(deploy(desk, "v5")) == {"v1", "v2", "v3", "other"}
    desk.wait(8 * DAY)
    assert set(deploy(desk, "v6")) == {"v6", "other"}
    assert_adds_up(desk, gone=True)


def test_a_cap_that_failed_to_commit_is_as_before(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy(desk, "v1", "v2")
    desk.wait(8 * DAY)
    at = (desk.now - START) / SECOND
    desk.send(versioned("late", at, "v3"))
    desk.now += 61 * SECOND

    def full() -> None:
        raise OSError("disk is full")

    monkeypatch.setattr(desk.store, "commit", full)
    with pytest.raises(OSError, match="disk is full"):
        desk.ledger.tick()
    monkeypatch.undo()
    assert set(slices(desk, "agent_version")) == {"v1", "v2"}
    desk.ledger.recover()
    assert set(slices(desk, "agent_version")) == {"v1", "v2"}
    desk.wait(1)
    assert set(slices(desk, "agent_version")) == {"v2", "v3"}
    desk.restart()
    assert set(slices(desk, "agent_version")) == {"v2", "v3"}


@pytest.mark.parametrize("value", ["\x00", "a\nb", "\u202e1.v", "a\u2028b", "other", "unknown"])
def test_what_is_no_name_takes_no_place(desk: Desk, value: str) -> None:
    desk.send(versioned("a", 0, value))
    desk.settle()
    assert set(slices(desk, "agent_version")) <= {"other", "unknown"}
    assert set(deploy(desk, "v1", "v2")) >= {"v1", "v2"}


def test_values_that_look_like_the_stores_own_keys_stay_apart(desk: Desk) -> None:
    hostile = ["good|agent_version|v1", 'a|"b\\']
    for n, value in enumerate(hostile):
        desk.send(versioned(f"call-{n}", 0, value))
    desk.settle()
    assert slices(desk, "agent_version") == dict.fromkeys(hostile, (1, 0))
    desk.restart()
    assert slices(desk, "agent_version") == dict.fromkeys(hostile, (1, 0))
    assert_adds_up(desk)


def test_a_flood_of_values_makes_no_more_series_and_no_more_rows(desk: Desk) -> None:
    for n in range(200):
        desk.send(versioned(f"call-{n}", 0, f"random-{n}"))
    desk.settle()
    assert slices(desk, "agent_version")["other"] == (198, 0)
    assert len(slices(desk, "agent_version")) == 3
    named = [row for row in desk.store.counters() if row.name == c.SLICE_SEEN and row.slo == desk.id(SLO)]
    assert sorted(row.extra for row in named) == ["agent_version|random-0", "agent_version|random-1"]


# Changes of the file ----------------------------------------------------------------------------------------------


def test_units_counted_before_a_segment_was_declared_are_unknown_to_it(desk: Desk) -> None:
    desk.send(versioned("a", 0, "v1", tier="gold"))
    desk.settle()
    file = with_line("agent_version: {max: 2}", "agent_version: {max: 2}\n  tier: [gold]")
    desk.restart([file])
    assert slices(desk, "tier") == {"unknown": (1, 0)}
    at = (desk.now - START) / SECOND
    desk.send(versioned("b", at, "v1", tier="gold"))
    desk.settle()
    assert slices(desk, "tier") == {"gold": (1, 0), "unknown": (1, 0)}
    desk.restart([file])
    assert slices(desk, "tier") == {"gold": (1, 0), "unknown": (1, 0)}
    assert_adds_up(desk)


def test_a_segment_taken_out_leaves_and_a_changed_definition_starts_anew(desk: Desk) -> None:
    deploy(desk, "v1", "v2")
    desk.restart([with_line("  agent_version: {max: 2}\n", "")])
    assert slices(desk, "agent_version") == {}
    desk.restart([FILE])
    assert slices(desk, "agent_version") == {"v1": (1, 0), "v2": (1, 0)}
    desk.restart([with_line("turn_latency, objective: 95%}", "turn_latency, threshold: 2s, objective: 95%}")])
    assert slices(desk, "agent_version") == {}
    assert deploy(desk, "v3", "v4") == {"v3": (1, 0), "v4": (1, 0)}


# Everything at once -----------------------------------------------------------------------------------------------


def _mixed(seed: int) -> list[Event]:
    """A stream whose calls have versions and languages, some only late in the call."""
    rng = random.Random(seed)
    known = {f"call-{seed}-{n}": rng.choice(["v1", "v2", "v3", "v4", None]) for n in range(6)}
    found = []
    for one_event in random_stream(seed):
        version = known[one_event.call or ""]
        extra = {"language": "en-GB"} | ({"agent_version": version} if version else {})
        segments = {**(one_event.segments or {}), **extra} if rng.random() < 0.5 else one_event.segments
        found.append(msgspec.structs.replace(one_event, segments=segments))
    return found


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_slices_add_up_through_duplicates_restarts_and_time(seed: int) -> None:
    rng, stream = random.Random(seed), _mixed(seed)
    events = stream + rng.choices(stream, k=len(stream) // 2)
    rng.shuffle(events)
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), [FILE])
        while events:
            size = rng.randrange(1, 12)
            desk.wait(rng.choice([0.1, 30, 90, 2_000, 8 * DAY]))
            desk.send(events[:size])
            events = events[size:]
            assert_adds_up(desk, gone=True)
            if rng.random() < 0.2:
                desk.restart()
                assert_adds_up(desk, gone=True)
        desk.settle()
        assert_adds_up(desk, gone=True)
        desk.store.close()
