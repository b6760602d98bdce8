"""The exporter's configuration file: text → frozen dataclasses, every error with its position."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os.path import dirname, join, normpath
from typing import Generic, TypeVar

from exporter.payload import ExporterError, Limits
from exporter.sources import SOURCES, native
from exporter.sources.translation import DEFAULT_SEGMENTS, DEFAULT_SYNTHETIC, Paths, SourceSettings, may_be_segment
from voice_slo import yaml_source
from voice_slo.diagnostics import Problem, shown, suggest
from voice_slo.names import RESERVED_LABELS
from voice_slo.quantities import QuantityError, whole_seconds
from voice_slo.yaml_source import Invalid, Node, Scalar

VERSION = "voice-slo-exporter/v1"
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class ConfigError(ExporterError):
    """A configuration that cannot be used. `problems` has every error."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Listen:
    """Port 0 lets the system choose one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Settle:
    """Seconds after the later of a call's end and its last arrival; `abandoned` where there is no end."""

    operational: int
    quality: int
    abandoned: int


@dataclass(frozen=True, slots=True)
class Retention:
    """Seconds: facts of settled calls, and the events they were folded from."""

    calls: int
    explain: int


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """`settle` in seconds where this source needs longer than `settle.operational`."""

    token_file: str | None
    allow_anonymous: bool
    settings: SourceSettings
    settle: int | None


@dataclass(frozen=True, slots=True)
class ExporterConfig:
    """Paths are resolved against the file; `caller_key_file` against `data_dir`."""

    listen: Listen
    data_dir: str
    slos: tuple[str, ...]
    settle: Settle
    retention: Retention
    limits: Limits
    caller_key_file: str
    sources: Mapping[str, SourceConfig]


def parse(path: str, text: str | bytes) -> ExporterConfig:
    """The configuration in `text`. `path` is shown in errors and resolves relative paths. Raises `ConfigError`."""
    source = yaml_source.parse(path, text.encode() if isinstance(text, str) else text)
    reader = _Reader(path, list(source.problems))
    config = None if source.root is None else _config(reader, source.root)
    if reader.problems or config is None:
        raise ConfigError(sorted(reader.problems, key=lambda p: (p.line, p.column)))
    return config


@dataclass(frozen=True, slots=True)
class Setting(Generic[T_co]):
    """One setting. `name` is its dotted path, `<source>` for any source; `default` as a user would write it."""

    name: str
    default: str
    meaning: str
    read: Callable[[str], T_co]

    @property
    def key(self) -> str:
        return self.name.rpartition(".")[2]


class _Invalid(ValueError):
    """What is wrong with a value, for the user."""


def _text(value: str) -> str:
    if not value or len(value) > 1000:
        raise _Invalid("has to be a text of 1 to 1000 characters")
    return value


def _version(value: str) -> str:
    if value != VERSION:
        raise _Invalid(f"{shown(value)} is not supported; write {VERSION}")
    return value


def _listen(value: str) -> Listen:
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.%]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})", value, re.ASCII)
    if match is None or int(match[3]) > 65535:
        raise _Invalid(f"{shown(value)} is not an address and port such as 127.0.0.1:9477 or [::1]:9477")
    return Listen(match[1] or match[2], int(match[3]))


def _seconds(low: str, high: str) -> Callable[[str], int]:
    def read(value: str) -> int:
        seconds = whole_seconds(value)
        if not whole_seconds(low) <= seconds <= whole_seconds(high):
            raise _Invalid(f"{value} is not between {low} and {high}")
        return seconds

    return read


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not re.fullmatch(r"\d{1,12}", value, re.ASCII) or not low <= int(value) <= high:
            raise _Invalid(f"{shown(value)} is not a whole number between {low} and {high}")
        return int(value)

    return read


_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def _size(value: str) -> int:
    match = re.fullmatch(r"(\d{1,6})(B|KiB|MiB|GiB)", value, re.ASCII)
    if match is None:
        raise _Invalid(f"{shown(value)} is not a size such as 512KiB or 8MiB")
    size = int(match[1]) * _UNITS[match[2]]
    if not 1024 <= size <= 1024**3:
        raise _Invalid(f"{value} is not between 1KiB and 1GiB")
    return size


def _flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise _Invalid(f"{shown(value)} is neither true nor false")
    return value == "true"


def _agent(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,62}", value):
        raise _Invalid(f"{shown(value)} is not a name of lower-case letters, digits and hyphens")
    return value


def _segment_path(value: str) -> str:
    if not may_be_segment(_text(value)):
        raise _Invalid(f"{shown(value)} may carry what people said, and cannot become a segment")
    return value


FORMAT = Setting("version", VERSION, "Format of this file; required.", _version)
LISTEN = Setting("listen", "127.0.0.1:9477", "Address and port. Port 0 lets the system choose.", _listen)
DATA_DIR = Setting("data_dir", "./data", "Folder of the store. One process at a time.", _text)
SLOS = Setting("slos", "[slos/]", "SLO files, and folders of them.", _text)
SETTLE = (
    Setting("settle.operational", "60s", "From a call's end until connection and latency are final.",
            _seconds("0s", "30m")),
    Setting("settle.quality", "30m", "From a call's last news until verdicts that did not come are given up.",
            _seconds("0s", "1d")),
    Setting("settle.abandoned", "4h", "From the last word of a call without an end until it is given up.",
            _seconds("1m", "7d")),
)  # fmt: skip
RETENTION = (
    Setting(
        "retention.calls", "35d", "How long facts of settled calls wait for late verdicts.", _seconds("1d", "366d")
    ),
    Setting("retention.explain", "7d", "How long events are kept as they came; then only their folded facts.",
            _seconds("1h", "366d")),
)
LIMITS = (
    Setting("limits.body", "8MiB", "Largest request as it is sent.", _size),
    Setting("limits.decompressed", "32MiB", "Largest request after gunzip.", _size),
    Setting("limits.batch", "5000", "Most native events in one request.", _whole(1, 100_000)),
    Setting("limits.depth", "32", "Deepest nesting of JSON.", _whole(8, 200)),
    Setting("limits.queue", "50000", "Most events that wait for the writer; beyond it the answer is 503.",
            _whole(1, 10_000_000)),
)  # fmt: skip
CALLER_KEY_FILE = Setting(
    "caller_key_file", "caller.key", "Key of the caller hash, in data_dir; made with mode 0600 when absent.", _text
)
TOKEN_FILE = Setting("sources.<source>.token_file", "none", "File of valid bearer tokens, one a line.", _text)
ANONYMOUS = Setting(
    "sources.<source>.allow_anonymous",
    "false",
    "Accept senders without a token although others can reach the address.",
    _flag,
)
AGENT = Setting("sources.<source>.agent", "none", "Agent of events that name none.", _agent)
SOURCE_SETTLE = Setting(
    "sources.<source>.settle", "none", "Longer operational settle of calls with this source.", _seconds("0s", "30m")
)
SEGMENTS = Setting(
    "sources.<source>.segments",
    "flow, route, prompt_version, language, agent_version from voice.*",
    "Segment → attribute, or a list of which the first present counts. Not for native.",
    _segment_path,
)
SYNTHETIC = Setting(
    "sources.<source>.synthetic", DEFAULT_SYNTHETIC, "Attribute that marks a test call. Not for native.", _text
)

SETTINGS: tuple[Setting[object], ...] = (
    FORMAT, LISTEN, DATA_DIR, SLOS, *SETTLE, *RETENTION, *LIMITS, CALLER_KEY_FILE, TOKEN_FILE, ANONYMOUS, AGENT,
    SOURCE_SETTLE, SEGMENTS, SYNTHETIC,
)  # fmt: skip
"""Every setting, in the order of the file; the documentation prints this table."""

_DEFAULT_SOURCES = (native.NAME, "livekit")
_SEGMENT_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(slots=True)
class _Reader:
    """Collects problems; a value that is wrong reads as its default, so that all are found at once."""

    path: str
    problems: list[Problem]

    def problem(self, node: Node, field: str, message: str) -> None:
        self.problems.append(Problem(self.path, node.line, node.column, field, message))

    def entries(self, node: Node | None, field: str, allowed: Sequence[str]) -> dict[str, Node]:
        """A mapping's values by key; unknown keys are problems."""
        if node is None or isinstance(node, Invalid):
            return {}
        if not isinstance(node, yaml_source.Mapping):
            self.problem(node, field, "has to be a mapping")
            return {}
        for key, _ in node.entries:
            if key.text not in allowed:
                self.problem(key, field, f"{shown(key.text)} is not a setting; {suggest(key.text, allowed)}")
        return {key.text: value for key, value in node.entries if key.text in allowed}

    def scalar(self, node: Node, field: str, read: Callable[[str], T]) -> T | None:
        if isinstance(node, Invalid):
            return None
        if not isinstance(node, Scalar) or node.kind == "null":
            self.problem(node, field, "has to have one value")
            return None
        try:
            return read(node.text)
        except (_Invalid, QuantityError) as e:
            self.problem(node, field, str(e))
            return None

    def optional(self, entries: Mapping[str, Node], setting: Setting[T], field: str | None = None) -> T | None:
        node = entries.get(setting.key)
        return None if node is None else self.scalar(node, field or setting.name, setting.read)

    def value(self, entries: Mapping[str, Node], setting: Setting[T]) -> T:
        given = self.optional(entries, setting)
        return setting.read(setting.default) if given is None else given

    def several(self, node: Node, field: str, read: Callable[[str], T]) -> tuple[T, ...]:
        """One value, or a list of at least one."""
        items = node.items if isinstance(node, yaml_source.Sequence) else (node,)
        if not items:
            self.problem(node, field, "has to name at least one")
        values = (self.scalar(item, field, read) for item in items)
        return tuple(value for value in values if value is not None)


def _config(reader: _Reader, root: Node) -> ExporterConfig:
    top = reader.entries(root, "", list(dict.fromkeys(setting.name.split(".")[0] for setting in SETTINGS)))
    if isinstance(root, yaml_source.Mapping) and "version" not in top:
        reader.problem(root, "version", f"is missing; write version: {VERSION}")
    reader.value(top, FORMAT)
    listen = reader.value(top, LISTEN)
    data_dir = _resolve(reader.path, reader.value(top, DATA_DIR))
    settle = _section(reader, top, "settle", SETTLE)
    retention = _section(reader, top, "retention", RETENTION)
    slos = reader.several(top["slos"], "slos", SLOS.read) if "slos" in top else ("slos/",)
    return ExporterConfig(
        listen=listen,
        data_dir=data_dir,
        slos=tuple(_resolve(reader.path, one) for one in slos),
        settle=Settle(*settle),
        retention=Retention(*retention),
        limits=_limits(reader, top),
        caller_key_file=normpath(join(data_dir, reader.value(top, CALLER_KEY_FILE))),
        sources=_sources(reader, top, root, listen),
    )


def _section(reader: _Reader, top: Mapping[str, Node], name: str, settings: Sequence[Setting[int]]) -> list[int]:
    entries = reader.entries(top.get(name), name, [setting.key for setting in settings])
    return [reader.value(entries, setting) for setting in settings]


def _limits(reader: _Reader, top: Mapping[str, Node]) -> Limits:
    limits = Limits(*_section(reader, top, "limits", LIMITS))
    if limits.decompressed < limits.body:
        reader.problem(top["limits"], "limits.decompressed", "is smaller than limits.body")
    if limits.queue < limits.batch:
        reader.problem(top["limits"], "limits.queue", "is smaller than limits.batch: a full batch could never be taken")
    return limits


def _sources(reader: _Reader, top: Mapping[str, Node], root: Node, listen: Listen) -> dict[str, SourceConfig]:
    given: dict[str, Node | None] = dict.fromkeys(_DEFAULT_SOURCES)
    if "sources" in top:
        given = dict(reader.entries(top["sources"], "sources", list(SOURCES)))
    chosen = {name: _source(reader, name, node) for name, node in given.items()}
    for name, source in chosen.items():
        if not listen.is_loopback and source.token_file is None and not source.allow_anonymous:
            place = given[name] or top.get("listen", root)
            message = f"{listen.host} can be reached by others: set token_file, or allow_anonymous: true"
            reader.problem(place, f"sources.{name}", message)
    return chosen


def _source(reader: _Reader, name: str, node: Node | None) -> SourceConfig:
    mapped: tuple[Setting[object], ...] = () if name == native.NAME else (SEGMENTS, SYNTHETIC)
    settings: tuple[Setting[object], ...] = (TOKEN_FILE, ANONYMOUS, AGENT, SOURCE_SETTLE, *mapped)
    given = None if isinstance(node, Scalar) and node.kind == "null" else node
    entries = reader.entries(given, f"sources.{name}", [setting.key for setting in settings])
    token_file = reader.optional(entries, TOKEN_FILE, f"sources.{name}.token_file")
    return SourceConfig(
        token_file=None if token_file is None else _resolve(reader.path, token_file),
        allow_anonymous=reader.optional(entries, ANONYMOUS, f"sources.{name}.allow_anonymous") or False,
        settings=SourceSettings(
            agent=reader.optional(entries, AGENT, f"sources.{name}.agent"),
            segments=_segments(reader, entries.get(SEGMENTS.key), f"sources.{name}.segments"),
            synthetic_attribute=reader.optional(entries, SYNTHETIC, f"sources.{name}.synthetic") or DEFAULT_SYNTHETIC,
        ),
        settle=reader.optional(entries, SOURCE_SETTLE, f"sources.{name}.settle"),
    )


def _segments(reader: _Reader, node: Node | None, field: str) -> dict[str, Paths]:
    """The defaults, and over them what the file says."""
    if node is None or isinstance(node, Invalid):
        return dict(DEFAULT_SEGMENTS)
    if not isinstance(node, yaml_source.Mapping):
        reader.problem(node, field, "has to be a mapping of segment to attribute")
        return dict(DEFAULT_SEGMENTS)
    given = {}
    for key, value in node.entries:
        if not _SEGMENT_NAME.fullmatch(key.text) or key.text in RESERVED_LABELS:
            reader.problem(key, field, f"{shown(key.text)} cannot be the name of a segment")
        else:
            given[key.text] = reader.several(value, f"{field}.{key.text}", SEGMENTS.read)
    return {**DEFAULT_SEGMENTS, **given}


def _resolve(path: str, value: str) -> str:
    return normpath(join(dirname(path), value))
