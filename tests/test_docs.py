"""The documentation is true: generated tables are current, commands run, examples parse, names and links exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path

import pytest
import yaml

import grafana
from exporter import config
from exporter.config import SETTINGS
from exporter.http import ROUTES
from exporter.payload import Limits
from exporter.sources import SOURCES
from exporter.sources.native import translate
from exporter.sources.translation import SourceSettings
from prometheus_rules.rule import Alert
from prometheus_rules.rule_files import rule_groups
from tests.tools import tool
from voice_slo import events, names
from voice_slo.catalog import catalog
from voice_slo.fields import FIELDS
from voice_slo.loading import load
from voice_slo.policies import POLICIES
from voice_slo.spec import SloFile
from voice_slo_cli import terminal
from voice_slo_cli.main import COMMANDS
from voice_slo_cli.reference import PATH, STARTER, reference

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / PATH
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
WRITTEN = [page for page in PAGES if page != REFERENCE]
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FOLDERS = "slos|docs|tests|examples|deploy|grafana|prometheus_rules|voice_slo|exporter|interchange|voice_slo_cli"
_PATH = re.compile(rf"(?<![\w/.<-])(?:{_FOLDERS})/[\w./*-]*")
_WRITTEN_BY_US = re.compile(r"prometheus_rules/generated/$|grafana/dashboards/$")


@dataclass(frozen=True)
class Block:
    """A fenced block. `info` are the words behind the fence; `output` the text block that follows it."""

    page: Path
    info: tuple[str, ...]
    text: str
    output: str

    def __str__(self) -> str:
        return f"{self.page.name}: {self.text.splitlines()[0][:50]}"


def starter() -> SloFile:
    (file,) = load([(STARTER, (ROOT / STARTER).read_bytes())])
    return file


@cache
def text(page: Path) -> str:
    return page.read_text()


def blocks(*info: str) -> list[Block]:
    """Blocks whose info begins with these words."""
    return [block for page in WRITTEN for block in _blocks(page) if block.info[: len(info)] == info]


def _blocks(page: Path) -> Iterator[Block]:
    found = list(_FENCE.finditer(text(page)))
    for match, following in zip_longest(found, found[1:]):
        directly = following is not None and not text(page)[match.end() : following.start()].strip()
        output = following[2] if following is not None and directly and following[1] == "text" else ""
        yield Block(page, tuple(match[1].split()), match[2], output)


def test_the_reference_is_what_the_tables_say() -> None:
    assert text(REFERENCE) == reference(starter()), "run: make docs"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a command of the docs finds in its folder, where it may write."""
    shutil.copytree(ROOT / "slos", tmp_path / "slos")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "tests").mkdir()
    for folder in ("broken_slos", "openslo", "telemetry"):
        (tmp_path / "tests" / folder).symlink_to(ROOT / "tests" / folder)
    return tmp_path


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """`voice-slo` on PATH is the code under test, installed or not."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "voice-slo"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m voice_slo_cli.main "$@"\n')
    command.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("block", blocks("sh", "test"), ids=str)
def test_commands_run_and_print_what_the_page_shows(
    block: Block, checkout: Path, environment: Mapping[str, str]
) -> None:
    wanted = 0
    for word in block.info[2:]:
        if word.startswith("exit="):
            wanted = int(word.removeprefix("exit="))
        else:
            tool(word)
    command = ["bash", "-euo", "pipefail", "-c", block.text]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    printed = (done.stdout + done.stderr).splitlines()
    assert done.returncode == wanted, done.stderr
    assert [line for line in block.output.splitlines() if line.strip() and line not in printed] == []


def test_some_commands_are_run() -> None:
    commands = " ".join(block.text for block in blocks("sh", "test"))
    assert all(f"voice-slo {name}" in commands for name in ("check", "generate", "translate", "judge", "explain"))


@pytest.mark.parametrize("block", blocks("yaml", "slo"), ids=str)
def test_slo_files_load(block: Block) -> None:
    assert load([("example.yaml", block.text.encode())])


@pytest.mark.parametrize("block", [b for b in blocks("yaml") if b.info == ("yaml",)], ids=str)
def test_pieces_of_slo_files_are_part_of_one_that_loads(block: Block) -> None:
    assert load([("example.yaml", yaml.safe_dump(_whole(yaml.safe_load(block.text)), sort_keys=False).encode())])


def _whole(piece: dict[str, object]) -> dict[str, object]:
    """A whole SLO file around a piece: top-level keys, the rows of an SLO, or an SLO by name."""
    slo: dict[str, object] = {"sli": "turn_latency", "objective": "95%"}
    base: dict[str, object] = {
        "version": "voice-slo/v1", "agent": "shop-line", "owner": "voice-team", "budget_by": ["flow"],
        "segments": {"flow": ["booking", "billing", "faq", "fraud"]}, "slos": {"turn-latency": slo},
    }  # fmt: skip
    if "objectives" in piece:
        return {**base, "slos": {"turn-latency": {**slo, **piece}}}
    if any(isinstance(value, dict) and "sli" in value for value in piece.values()):
        return {**base, "slos": piece}
    return {**base, **piece}


@pytest.mark.parametrize("block", blocks("yaml", "exporter"), ids=str)
def test_exporter_configurations_load(block: Block) -> None:
    assert config.parse("exporter.yaml", block.text)


@pytest.mark.parametrize("block", blocks("yaml", "prometheus"), ids=str)
def test_prometheus_accepts_the_configuration(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "prometheus.yml"
    path.write_text(block.text)
    subprocess.run([tool("promtool"), "check", "config", str(path)], check=True, capture_output=True)


@pytest.mark.parametrize("block", blocks("yaml", "alertmanager"), ids=str)
def test_alertmanager_accepts_the_receivers(block: Block, tmp_path: Path) -> None:
    path, piece = tmp_path / "alertmanager.yml", yaml.safe_load(block.text)
    path.write_text(yaml.safe_dump({"route": {"receiver": piece["receivers"][0]["name"]}, **piece}))
    subprocess.run([tool("amtool"), "check-config", str(path)], check=True, capture_output=True)


@pytest.mark.parametrize("block", blocks("json", "events"), ids=str)
def test_events_are_taken(block: Block) -> None:
    found = translate(block.text.encode(), SourceSettings(), Limits())
    assert found.rejected == ()
    assert {event.kind for event in found.events} == {str(kind.__struct_config__.tag) for kind in events.KINDS}


def test_every_yaml_and_json_block_is_checked() -> None:
    known = {("yaml",), ("yaml", "slo"), ("yaml", "exporter"), ("yaml", "prometheus"), ("yaml", "alertmanager"),
             ("json", "events")}  # fmt: skip
    languages = [block for block in blocks() if block.info[:1] in (("yaml",), ("json",))]
    assert [str(block) for block in languages if block.info not in known] == []


def _named() -> Iterator[str]:
    yield from (f"voice-slo {name}" for name in COMMANDS)
    yield from (f"`{value}` |" for name, value in vars(terminal).items() if name.startswith("EXIT_"))
    yield from (f"`{setting.name}`" for setting in SETTINGS)
    yield from (f"`{metric.name}`" for metric in names.METRICS)
    yield from (f"`{method} {path}`" for path, methods in ROUTES.items() for method in methods)
    rules = [rule for group in rule_groups(starter()) for rule in group.rules]
    yield from (f"`{rule.alert}`" for rule in rules if isinstance(rule, Alert))
    yield from (f"`{names.burn_alert(tier.name)}`" for policy in POLICIES.values() for tier in policy.tiers)
    yield from (f"`{name}`" for name in (*FIELDS, *catalog(), *POLICIES, *SOURCES))
    yield from (f"### {kind.__struct_config__.tag}\n" for kind in events.KINDS)


@pytest.mark.parametrize("name", sorted(set(_named())))
def test_everything_a_user_meets_is_named(name: str) -> None:
    assert any(name in text(page) for page in PAGES)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_explained_outside_the_reference(name: str) -> None:
    assert any(f"voice-slo {name}" in text(page) for page in WRITTEN)


def test_every_panel_is_on_the_dashboard_page() -> None:
    page = text(ROOT / "docs/dashboards.md")
    (made,) = grafana.generate(starter(), "0").values()
    titles = [panel["title"] for panel in json.loads(made)["panels"]]
    assert [title for title in titles if title not in page and not title.startswith("VoiceSLO")] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in _LINK.findall(_FENCE.sub("", text(page))):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and anchor not in _anchors(found)):
            broken.append(target)
    assert broken == []


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", text(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_exist(page: Path) -> None:
    found = {match.rstrip(".") for match in _PATH.findall(text(page))}
    gone = [path for path in found if not _WRITTEN_BY_US.search(path) and not list(ROOT.glob(path.rstrip("/")))]
    assert gone == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_path_of_a_machine(page: Path) -> None:
    assert re.findall(r"/(?:home|root|tmp|work|Users|opt)/\S*", text(page)) == []
