"""`translate`, `judge` and `explain`: what telemetry says, how it is counted, and why."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import EXAMPLES, FULL, STARTER, voice_slo
from tests.livekit_samples import FOLDER
from tests.running_exporter import RunningExporter

CALLS = """\
{"kind":"call.started","call":"call-1","at":"2026-11-20T09:00:00Z","direction":"inbound","caller":"+15550101001","synthetic":false,"segments":{"flow":"faq"},"ids":{"twilio":"CA1"}}
{"kind":"call.connected","call":"call-1","at":"2026-11-20T09:00:01Z"}
{"kind":"call.first_audio","call":"call-1","at":"2026-11-20T09:00:01.5Z"}
{"kind":"turn","call":"call-1","at":"2026-11-20T09:00:09Z","turn":1,"latency_seconds":0.5,"answered":true,"tool_used":false}
{"kind":"turn","call":"call-1","at":"2026-11-20T09:00:19Z","turn":2,"latency_seconds":3.5,"answered":true,"tool_used":false}
{"kind":"call.ended","call":"call-1","at":"2026-11-20T09:01:00Z","reason":"normal","by":"caller"}
{"kind":"task","call":"call-1","at":"2026-11-20T09:01:01Z","task":"book","result":"unknown"}
{"kind":"call.started","call":"call-2","at":"2026-11-20T09:10:00Z","direction":"inbound","synthetic":true,"segments":{"flow":"faq"}}
{"kind":"call.connected","call":"call-2","at":"2026-11-20T09:10:01Z"}
{"kind":"call.first_audio","call":"call-2","at":"2026-11-20T09:10:01.5Z"}
{"kind":"call.ended","call":"call-2","at":"2026-11-20T09:11:00Z","reason":"normal","by":"caller"}
"""
"""A call with a good and a slow turn, whose task nobody could judge, and a test call."""
KEYS = "agent slo sli call unit id at verdict reason would_be segments rule definition".split()


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    path = tmp_path / "calls.ndjson"
    path.write_text(CALLS)
    return path


# translate ------------------------------------------------------------------------------------------------------------


def translate(*argv: str | Path, stdin: bytes = b"") -> list[dict[str, Any]]:
    ran = voice_slo("translate", *argv, stdin=stdin)
    assert (ran.code, ran.err) == (0, "")
    return ran.lines


def recorded(scenario: str) -> list[Path]:
    return sorted((FOLDER / scenario).glob("traces-*.bin"))


def test_a_vendor_s_payloads_become_one_stream_of_events() -> None:
    events = translate("--source", "livekit", *recorded("good"))
    assert len({event["call"] for event in events}) == 1
    assert {"call.connected", "speech", "turn", "call.ended"} <= {event["kind"] for event in events}
    assert {event["source"] for event in events} == {"livekit"}


def test_json_protobuf_gzip_stdin_and_otlp_say_the_same(tmp_path: Path) -> None:
    (first, *_) = recorded("good")
    zipped = tmp_path / "first.bin.gz"
    zipped.write_bytes(gzip.compress(first.read_bytes()))
    plain = translate("--source", "livekit", first)
    assert plain
    assert translate("--source", "livekit", first.with_suffix(".json")) == plain
    assert translate("--source", "livekit", zipped) == plain
    assert translate("--source", "livekit", stdin=first.read_bytes()) == plain
    assert translate("--source", "livekit", "-", stdin=gzip.compress(first.read_bytes())) == plain
    assert translate("--source", "otlp", first) == plain


def test_what_comes_out_of_translate_goes_into_translate_and_judge() -> None:
    once = voice_slo("translate", "--source", "livekit", *recorded("slow")).out
    again = voice_slo("translate", "--source", "native", stdin=once.encode()).out
    assert again == once
    assert voice_slo("judge", "--slos", STARTER, stdin=once.encode()).lines


def test_a_caller_is_hashed_and_the_same_caller_stays_the_same() -> None:
    events = translate("--source", "native", stdin=(CALLS + CALLS.replace("call-1", "call-3")).encode())
    callers = {event["caller"] for event in events if "caller" in event}
    assert len(callers) == 1
    assert "+1555" not in "".join(callers)


def test_the_mapping_comes_from_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "exporter.yaml"
    config.write_text(
        "version: voice-slo-exporter/v1\ndata_dir: ./data\nslos: [slos/]\n"
        "sources:\n  livekit: {agent: front-desk, segments: {version: service.version}}\n"
    )
    plain = translate("--source", "livekit", *recorded("good"))
    mapped = translate("--source", "livekit", "--config", config, *recorded("good"))
    assert {event.get("agent") for event in plain} == {None}
    assert {event["agent"] for event in mapped} == {"front-desk"}
    assert {name for event in plain for name in event.get("segments", {})} >= {"flow", "agent_version"}
    assert {event["segments"]["version"] for event in mapped if "segments" in event} == {
        event["segments"]["agent_version"] for event in plain if "segments" in event
    }
    ran = voice_slo("translate", "--source", "native", "--config", config, EXAMPLES)
    assert (ran.code, ran.err) == (2, f"{config}: sources: no native; configured: livekit\n")


def test_a_configuration_with_errors_tells_all_of_them(tmp_path: Path) -> None:
    config = tmp_path / "exporter.yaml"
    config.write_text("version: voice-slo-exporter/v2\nsources: {livekit: {segments: {flow: lk.pii.x}}}\nslos: []\n")
    ran = voice_slo("translate", "--source", "livekit", "--config", config, *recorded("good"))
    assert (ran.code, ran.out) == (2, "")
    assert len([line for line in ran.err.splitlines() if line.startswith(f"{config}:")]) >= 2


def test_a_bad_payload_is_named_and_the_others_are_translated(tmp_path: Path) -> None:
    (first, second, *_) = recorded("good")
    bad, cut = tmp_path / "bad.bin", tmp_path / "cut.gz"
    bad.write_bytes(b"\x0a\xff\xff\xff\xff\x0fno message")
    cut.write_bytes(gzip.compress(first.read_bytes())[:40])
    ran = voice_slo("translate", "--source", "livekit", first, bad, cut, second)
    assert ran.code == 2
    assert ran.lines == translate("--source", "livekit", first, second)
    assert [line.partition(": ")[0] for line in ran.err.splitlines()] == [str(bad), str(cut)]


def test_a_bad_event_is_named_and_the_others_are_translated() -> None:
    line = '{"kind":"tag","call":"c","at":1,"name":"x"}'
    ran = voice_slo("translate", "--source", "native", stdin=f'{line}\n{{"kind":"tag"}}\n{line}\n'.encode())
    assert ran.code == 2
    assert len(ran.lines) == 2
    assert ran.err.startswith("stdin: item 1: ")


# judge ----------------------------------------------------------------------------------------------------------------


def judge(*argv: str | Path, stdin: bytes = b"") -> list[dict[str, Any]]:
    ran = voice_slo("judge", *argv, stdin=stdin)
    assert (ran.code, ran.err) == (0, "")
    return ran.lines


def order(line: dict[str, Any]) -> tuple[str, ...]:
    return line["call"], line["unit"], line["id"], line["slo"]


def test_a_line_of_judge(calls: Path) -> None:
    lines = judge("--slos", STARTER, calls)
    definitions = json.loads(voice_slo("check", STARTER, "--output", "json").out)["files"][0]["slos"]
    (slow,) = [line for line in lines if line["verdict"] == "bad"]
    assert slow == {
        "agent": "front-desk", "slo": "turn-latency", "sli": "turn_latency", "call": "call-1", "unit": "turn",
        "id": "2", "at": "2026-11-20T09:00:19.000000Z", "verdict": "bad", "reason": "slow", "would_be": None,
        "segments": {"flow": "faq"}, "rule": "slos.turn-latency.good",
        "definition": {slo["name"]: slo["definition"] for slo in definitions}["turn-latency"],
    }  # fmt: skip
    assert all(list(line) == KEYS for line in lines)
    assert [(line["call"], line["slo"], line["verdict"], line["would_be"]) for line in lines] == [
        ("call-1", "connection-success", "good", None),
        ("call-1", "task-completion", "unknown", None),
        ("call-1", "turn-latency", "good", None),
        ("call-1", "turn-latency", "bad", None),
        ("call-2", "connection-success", "excluded", "good"),
    ]


def test_the_output_is_sorted_and_the_order_of_the_input_does_not_matter() -> None:
    lines = EXAMPLES.read_text().splitlines()
    first = voice_slo("judge", "--all", "--slos", STARTER, EXAMPLES)
    assert len(first.lines) > 40
    assert first.lines == sorted(first.lines, key=order)
    random.Random(3).shuffle(lines)
    assert voice_slo("judge", "--all", "--slos", STARTER, stdin="\n".join(lines).encode()).out == first.out


def test_all_shows_what_is_not_counted_too() -> None:
    counted = judge("--slos", STARTER, EXAMPLES)
    every = judge("--slos", STARTER, "--all", EXAMPLES)
    assert {line["verdict"] for line in counted} == {"good", "bad", "excluded"}
    more = [line for line in every if line not in counted]
    assert more
    assert {line["verdict"] for line in more} <= {"not_concerned", "awaiting"}
    assert [line for line in every if line in counted] == counted


def test_files_stdin_and_gzip_are_one_stream(calls: Path, tmp_path: Path) -> None:
    lines = CALLS.splitlines(keepends=True)
    zipped = tmp_path / "half.gz"
    zipped.write_bytes(gzip.compress("".join(lines[::2]).encode()))
    halves = voice_slo("judge", "--slos", STARTER, zipped, "-", stdin="".join(lines[1::2]).encode())
    assert halves.out == voice_slo("judge", "--slos", STARTER, calls).out
    assert voice_slo("judge", "--slos", STARTER, stdin=CALLS.encode()).out == halves.out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not valid JSON: "),
        ('{"kind":"call.started"}', "Object missing required field `at`"),
        ('{"kind":"cal","call":"c","at":1}', "kind: "),
        ('{"kind":"tag","call":"c","at":1,"name":"x","nmae":1}', "Object contains unknown field `nmae`"),
        ('{"kind":"tag","at":1,"name":"x"}', "call: missing; "),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(line: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_text(f"{CALLS}\n{line}\n")
    ran = voice_slo("judge", "--slos", STARTER, path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"{path}:13: {said}")
    assert voice_slo("judge", "--slos", STARTER, stdin=line.encode()).err.startswith(f"stdin:1: {said}")


def test_events_without_an_agent_are_judged_by_the_one_that_is_chosen(calls: Path) -> None:
    both = ("--slos", STARTER, "--slos", FULL)
    ran = voice_slo("judge", *both, calls)
    assert ran.code == 2
    assert ran.err.endswith("choose one with --agent: front-desk, contact-centre\n")
    assert judge(*both, "--agent", "front-desk", calls) == judge("--slos", STARTER, calls)
    assert {line["agent"] for line in judge(*both, "--agent", "contact-centre", calls)} == {"contact-centre"}
    ran = voice_slo("judge", *both, "--agent", "desk", calls)
    assert (ran.code, ran.err) == (2, "agent desk has no SLO file; there are: front-desk, contact-centre\n")


def test_events_that_name_their_agent_need_no_choice() -> None:
    named = CALLS.replace('"call":"call-1"', '"agent":"front-desk","call":"call-1"').replace(
        '"call":"call-2"', '"agent":"contact-centre","call":"call-2"'
    )
    lines = judge("--slos", FULL, "--slos", STARTER, stdin=named.encode())
    assert {(line["call"], line["agent"]) for line in lines} == {("call-1", "front-desk"), ("call-2", "contact-centre")}


# explain --------------------------------------------------------------------------------------------------------------


def explain(*argv: str | Path) -> str:
    ran = voice_slo("explain", *argv)
    assert (ran.code, ran.err) == (0, "")
    return ran.out


def paragraphs(text: str) -> dict[str, str]:
    """First line → rest, of each block that an empty line ends."""
    found = (block.partition("\n") for block in text.strip().split("\n\n"))
    return {first: rest for first, _, rest in found}


def test_explain_tells_the_facts_the_rule_and_what_was_unknown(calls: Path) -> None:
    said = paragraphs(explain("call-1", "--slos", STARTER, calls))
    head = said["call call-1  agent front-desk  quality"]
    assert "ids       twilio:CA1" in head
    assert "segments  flow=faq" in head
    assert "connected=yes" in head
    good = said["connection-success  call call-1  at 2026-11-20T09:00:01.000000Z"]
    assert good.startswith("  good  by slos.connection-success.good  flow=faq\n")
    assert "holds          call.first_audio is true   [call.first_audio=yes]" in good
    bad = said["turn-latency  turn 2  at 2026-11-20T09:00:19.000000Z"]
    assert bad.startswith("  bad (slow)  by slos.turn-latency.good  flow=faq\n")
    (why,) = [line for line in bad.splitlines() if "does not hold" in line]
    assert "turn.latency_seconds=3.5" in why
    assert "$threshold=1.2" in why
    (unknown,) = [text for title, text in said.items() if title.startswith("task-completion  task book")]
    assert unknown.splitlines()[:2] == [
        "  unknown  by slos.task-completion.good  flow=faq", "  unknown: task.result",
    ]  # fmt: skip
    assert "caller" not in head.replace("ended_by=caller", "")


def test_explain_an_exclusion(calls: Path) -> None:
    said = paragraphs(explain("call-2", "--slos", STARTER, calls))
    assert said["connection-success  call call-2  at 2026-11-20T09:10:01.000000Z"].splitlines() == [
        "  excluded (test_call), would be good  by slos.connection-success.exclusions.test_call  flow=faq",
        "    holds          call.synthetic is true   [call.synthetic=yes]",
    ]


def test_any_id_of_the_call_will_do(calls: Path) -> None:
    assert explain("CA1", "--slos", STARTER, calls) == explain("call-1", "--slos", STARTER, calls)


def test_all_shows_the_slos_that_a_call_does_not_concern_too(calls: Path) -> None:
    few, every = (explain("call-1", "--slos", FULL, *more, calls) for more in ((), ("--all",)))
    assert "not concerned" not in few
    assert "not concerned" in every


def test_explain_for_machines(calls: Path) -> None:
    (said,) = json.loads(explain("call-1", "--slos", STARTER, "--output", "json", calls))
    assert (said["agent"], said["call"], said["ids"]) == ("front-desk", "call-1", ["twilio:CA1"])
    (slow,) = [unit for unit in said["units"] if unit["verdict"] == "bad"]
    judged = [line for line in judge("--slos", STARTER, calls) if line["verdict"] == "bad"]
    for key in ("slo", "unit", "id", "at", "reason", "rule", "segments", "definition"):
        assert slow[key] == judged[0][key]
    assert [clause["holds"] for clause in slow["clauses"]] == ["holds", "does not hold"]


def test_a_call_that_nobody_knows(calls: Path) -> None:
    ran = voice_slo("explain", "call-9", "--slos", STARTER, calls)
    assert (ran.code, ran.out, ran.err) == (2, "", "no call has the id call-9\n")


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[RunningExporter]:
    """Has judged the two calls, which began a minute ago."""
    running = RunningExporter(tmp_path, STARTER)
    try:
        assert running.events(now(CALLS)).ok
        running.settled()
        yield running
    finally:
        running.stop()


def now(calls: str) -> bytes:
    """The events at this moment; the seconds between them are kept, the minutes are not."""
    begin = time.time() - 60
    events = [json.loads(line) for line in calls.splitlines()]
    for event in events:
        event["at"] = begin + float(event["at"][17:-1]) + (60 if event["kind"] in ("call.ended", "task") else 0)
    return "\n".join(json.dumps(event) for event in events).encode()


def test_a_running_exporter_explains_the_same(exporter: RunningExporter, tmp_path: Path) -> None:
    (asked,) = json.loads(explain("CA1", "--exporter", exporter.url, "--output", "json"))
    (given,) = json.loads(explain("call-1", "--slos", STARTER, "--output", "json", calls_of(tmp_path)))
    keys = ("slo", "unit", "id", "verdict", "reason", "rule", "missing", "segments", "clauses", "definition")
    assert [{k: unit[k] for k in keys} for unit in asked["units"]] == [
        {k: unit[k] for k in keys} for unit in given["units"]
    ]
    text = explain("call-1", "--exporter", f"{exporter.url}/")
    assert "  bad (slow)  by slos.turn-latency.good  flow=faq\n" in text
    ran = voice_slo("explain", "call-9", "--exporter", exporter.url)
    assert (ran.code, ran.err) == (2, "no call has the id call-9\n")
    exporter.stop()
    ran = voice_slo("explain", "call-1", "--exporter", exporter.url)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"{exporter.url}: ConnectionError: no exporter answers there\n"


def calls_of(folder: Path) -> Path:
    path = folder / "same.ndjson"
    path.write_text(CALLS)
    return path
