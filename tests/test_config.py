"""The configuration file: the documented example, the defaults, and every error with its place."""

from __future__ import annotations

import pytest

from exporter.config import (
    SETTINGS,
    ConfigError,
    ExporterConfig,
    Listen,
    Retention,
    Settle,
    SourceConfig,
    parse,
)
from exporter.payload import Limits
from exporter.sources import SOURCES
from exporter.sources.translation import DEFAULT_SEGMENTS, SourceSettings

HEAD = "version: voice-slo-exporter/v1\n"
EXAMPLE = (
    HEAD
    + """\
listen: 127.0.0.1:9477
data_dir: ./data
slos: [slos/]
settle: {operational: 60s, quality: 30m, abandoned: 4h}
retention: {calls: 35d, explain: 7d}
limits: {body: 8MiB, decompressed: 32MiB, batch: 5000, depth: 32, queue: 50000}
caller_key_file: caller.key
sources:
  native: {token_file: native.token}
  livekit: {token_file: otlp.token, agent: front-desk, segments: {flow: voice.flow, agent_version: voice.agent_version}}
"""
)


def errors(text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        parse("exporter.yaml", text)
    assert str(error.value) == "\n".join(str(problem) for problem in error.value.problems)
    return str(error.value).split("\n")


def test_the_documented_example() -> None:
    assert parse("/etc/voice-slo/exporter.yaml", EXAMPLE) == ExporterConfig(
        listen=Listen("127.0.0.1", 9477),
        data_dir="/etc/voice-slo/data",
        slos=("/etc/voice-slo/slos",),
        settle=Settle(60, 1800, 14400),
        retention=Retention(35 * 86400, 7 * 86400),
        limits=Limits(8 * 2**20, 32 * 2**20, 5000, 32, 50000),
        caller_key_file="/etc/voice-slo/data/caller.key",
        sources={
            "native": SourceConfig("/etc/voice-slo/native.token", False, SourceSettings(), None),
            "livekit": SourceConfig(
                "/etc/voice-slo/otlp.token",
                False,
                SourceSettings("front-desk", {**DEFAULT_SEGMENTS, "agent_version": ("voice.agent_version",)}),
                None,
            ),
        },
    )


def test_everything_but_the_version_has_a_default() -> None:
    bare, spelled = parse("x/exporter.yaml", HEAD), parse("x/exporter.yaml", EXAMPLE)
    for name in ("listen", "data_dir", "slos", "settle", "retention", "limits", "caller_key_file"):
        assert getattr(bare, name) == getattr(spelled, name)
    assert bare.sources == dict.fromkeys(("native", "livekit"), SourceConfig(None, False, SourceSettings(), None))


def test_absolute_paths_stay() -> None:
    config = parse("/etc/exporter.yaml", HEAD + "data_dir: /var/lib/v\nslos: /srv/a.yaml\ncaller_key_file: /etc/key\n")
    assert (config.data_dir, config.slos, config.caller_key_file) == ("/var/lib/v", ("/srv/a.yaml",), "/etc/key")


def test_one_source_with_everything() -> None:
    text = (
        HEAD
        + """\
listen: "[::]:0"
sources:
  otlp:
    allow_anonymous: true
    settle: 90s
    synthetic: voice.test
    segments: {intent: [app.intent, gen_ai.agent.name]}
"""
    )
    config = parse("exporter.yaml", text)
    assert config.listen == Listen("::", 0)
    settings = SourceSettings(None, {**DEFAULT_SEGMENTS, "intent": ("app.intent", "gen_ai.agent.name")}, "voice.test")
    assert config.sources == {"otlp": SourceConfig(None, True, settings, 90)}


@pytest.mark.parametrize(
    ("listen", "loopback"),
    [("127.0.0.1:1", True), ("127.8.8.8:1", True), ("localhost:1", True), ("[::1]:1", True), ("0.0.0.0:1", False),
     ("10.0.0.1:1", False), ("[::]:1", False), ("exporter.example.com:1", False)],
)  # fmt: skip
def test_strangers_need_a_token(listen: str, loopback: bool) -> None:
    text = HEAD + f'listen: "{listen}"\nsources: {{native: {{}}}}\n'
    if loopback:
        assert parse("exporter.yaml", text).listen.is_loopback
        return
    host = listen.rpartition(":")[0].strip("[]")
    assert errors(text) == [
        f"exporter.yaml:3:19: sources.native: {host} can be reached by others: set token_file, or allow_anonymous: true"
    ]
    for key in ("token_file: a.token", "allow_anonymous: true"):
        assert not parse("exporter.yaml", text.replace("{}", "{" + key + "}")).listen.is_loopback


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "exporter.yaml:1:1: the file is empty"),
        ("- a", "exporter.yaml:1:1: has to be a mapping"),
        ("listen: 127.0.0.1:1", "exporter.yaml:1:1: version: is missing; write version: voice-slo-exporter/v1"),
        ("version: v2", "exporter.yaml:1:10: version: v2 is not supported; write voice-slo-exporter/v1"),
        (HEAD + "data-dir: x",
         ("exporter.yaml:2:1: data-dir is not a setting; did you mean data_dir? (allowed: version, listen, "
          "data_dir, slos, settle, retention, limits, caller_key_file, sources)")),
        (HEAD + "data_dir:", "exporter.yaml:2:10: data_dir: has to have one value"),
        (HEAD + "data_dir: [a]", "exporter.yaml:2:11: data_dir: has to have one value"),
        (HEAD + "data_dir: ${HOME}/x\nlisten: :1",
         "exporter.yaml:3:9: listen: :1 is not an address and port such as 127.0.0.1:9477 or [::1]:9477"),
        (HEAD + "listen: localhost:99999",
         "exporter.yaml:2:9: listen: localhost:99999 is not an address and port such as 127.0.0.1:9477 or [::1]:9477"),
        (HEAD + "slos: []", "exporter.yaml:2:7: slos: has to name at least one"),
        (HEAD + "settle: {operational: 60}",
         "exporter.yaml:2:23: settle.operational: 60 has no unit; write 60s, 60m, 60h or 60d"),
        (HEAD + "settle: {operational: 2h}", "exporter.yaml:2:23: settle.operational: 2h is not between 0s and 30m"),
        (HEAD + "retention: {calls: 1h}", "exporter.yaml:2:20: retention.calls: 1h is not between 1d and 366d"),
        (HEAD + "limits: {body: 8MB}", "exporter.yaml:2:16: limits.body: 8MB is not a size such as 512KiB or 8MiB"),
        (HEAD + "limits: {body: 8B}", "exporter.yaml:2:16: limits.body: 8B is not between 1KiB and 1GiB"),
        (HEAD + "limits: {batch: 1.5}",
         "exporter.yaml:2:17: limits.batch: 1.5 is not a whole number between 1 and 100000"),
        (HEAD + "limits: {body: 64MiB}", "exporter.yaml:2:9: limits.decompressed: is smaller than limits.body"),
        (HEAD + "limits: {queue: 10}",
         "exporter.yaml:2:9: limits.queue: is smaller than limits.batch: a full batch could never be taken"),
        (HEAD + "limits: 5", "exporter.yaml:2:9: limits: has to be a mapping"),
        (HEAD + "sources: {livkit: {}}",
         ("exporter.yaml:2:11: sources: livkit is not a setting; did you mean livekit? "
          "(allowed: native, otlp, livekit)")),
        (HEAD + "sources: {native: {segments: {}}}",
         ("exporter.yaml:2:20: sources.native: segments is not a setting; "
          "did you mean agent? (allowed: token_file, allow_anonymous, agent, settle)")),
        (HEAD + "sources: {native: {agent: Front}}",
         ("exporter.yaml:2:27: sources.native.agent: Front is not a name of "
         "lower-case letters, digits and hyphens")),
        (HEAD + "sources: {native: {allow_anonymous: maybe}}",
         "exporter.yaml:2:37: sources.native.allow_anonymous: maybe is neither true nor false"),
        (HEAD + "sources: {livekit: {segments: [a]}}",
         "exporter.yaml:2:31: sources.livekit.segments: has to be a mapping of segment to attribute"),
        (HEAD + "sources: {livekit: {segments: {slo: a}}}",
         "exporter.yaml:2:32: sources.livekit.segments: slo cannot be the name of a segment"),
        (HEAD + "sources: {livekit: {segments: {flow: lk.pii.user_transcript}}}",
         ("exporter.yaml:2:38: sources.livekit.segments.flow: lk.pii.user_transcript may carry what people said, and "
         "cannot become a segment")),
        (HEAD + "sources: {livekit: {segments: {flow: gen_ai.input.messages}}}",
         ("exporter.yaml:2:38: sources.livekit.segments.flow: gen_ai.input.messages may carry what people said, and "
         "cannot become a segment")),
        (HEAD + "sources: {livekit: {segments: {flow: []}}}",
         "exporter.yaml:2:38: sources.livekit.segments.flow: has to name at least one"),
    ],
)  # fmt: skip
def test_errors(text: str, expected: str) -> None:
    assert errors(text) == [expected]


def test_every_error_at_once_in_the_order_of_the_file() -> None:
    found = errors(HEAD + "listen: x\nsettle: {operational: 1, quality: 2}\nlimits: {depth: no}\n")
    assert [line.split(": ")[0] for line in found] == [
        "exporter.yaml:2:9", "exporter.yaml:3:23", "exporter.yaml:3:35", "exporter.yaml:4:17",
    ]  # fmt: skip


def test_the_table_has_every_setting_once_with_its_meaning() -> None:
    names = [setting.name for setting in SETTINGS]
    assert len(set(names)) == len(names) == 21
    assert all(setting.meaning.endswith(".") and setting.default for setting in SETTINGS)


def test_every_known_source_can_be_configured() -> None:
    text = HEAD + "sources:\n" + "".join(f"  {name}:\n" for name in SOURCES)
    assert list(parse("exporter.yaml", text).sources) == list(SOURCES)
