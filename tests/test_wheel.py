"""The wheel, built here and installed into an environment of its own, works from a folder that is not this one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

ROOT = Path(__file__).parent.parent
PACKAGES = ("voice_slo", "exporter", "prometheus_rules", "grafana", "interchange", "voice_slo_cli")
BESIDES = ("tests/slo_texts.py", "slos", "examples", "pyproject.toml", "README.md", "LICENSE")
DEADLINE = 60


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing of the build stays here."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDES:
        (tree / name).parent.mkdir(exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name)
        else:
            shutil.copyfile(ROOT / name, tree / name)
    quiet = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation")
    called(sys.executable, "-m", "pip", "wheel", *quiet, "--wheel-dir", out, ".", cwd=tree)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`voice-slo` of a new environment that borrows the libraries of this one, but not what is installed editable."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    quiet = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    called(sys.executable, "-m", "pip", "--python", python, "install", *quiet, wheel)
    (site,) = folder.glob("lib/*/site-packages")
    libraries = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (site / "borrowed.pth").write_text("\n".join(libraries) + "\n")
    return folder / "bin" / "voice-slo"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder with nothing of this project but what a user would bring."""
    (tmp_path / "slos").mkdir()
    shutil.copy(ROOT / "slos" / "starter.yaml", tmp_path / "slos" / "desk.yaml")
    shutil.copy(ROOT / "examples" / "calls.ndjson", tmp_path / "calls.ndjson")
    shutil.copytree(ROOT / "tests" / "telemetry" / "livekit-agents" / "good", tmp_path / "good")
    return tmp_path


def called(*argv: str | Path, cwd: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ran = subprocess.run(
        [str(word) for word in argv], cwd=cwd, env=environment, capture_output=True, text=True, check=False,
        timeout=DEADLINE,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_it_has_the_packages_their_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.partition("/")[0] for name in names}
    (about,) = (name for name in top if name.endswith(".dist-info"))
    assert top == {*PACKAGES, about}
    assert {"voice_slo/catalog.yaml", "voice_slo/py.typed", f"{about}/licenses/LICENSE"} <= set(names)
    for package in PACKAGES:
        here = {path.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*.py")}
        assert here == {name for name in names if name.startswith(f"{package}/") and name.endswith(".py")}
    for package in ("exporter", "prometheus_rules"):
        data = [path for path in (ROOT / package / "templates").rglob("*") if path.is_file()]
        assert data
        assert {path.relative_to(ROOT).as_posix() for path in data} <= set(names)


def test_what_runs_is_what_was_installed(command: Path, foreign: Path) -> None:
    where = "import voice_slo, voice_slo_cli; print(voice_slo.__file__, voice_slo_cli.__file__)"
    for path in called(command.with_name("python"), "-c", where, cwd=foreign).split():
        assert Path(path).is_relative_to(command.parent.parent)


def test_version(command: Path, foreign: Path) -> None:
    assert called(command, "--version", cwd=foreign).startswith("voice-slo 0.")


def test_check_and_generate(command: Path, foreign: Path) -> None:
    assert "slos/desk.yaml: agent front-desk, 4 SLOs" in called(command, "check", cwd=foreign)
    called(command, "generate", "--out", "made", cwd=foreign)
    made = foreign / "made"
    rules = yaml.safe_load((made / "prometheus_rules" / "generated" / "front-desk.rules.yaml").read_text())
    assert {group["name"].partition(":")[0] for group in rules["groups"]} == {"voice-slo"}
    assert json.loads((made / "grafana" / "dashboards" / "front-desk-operator.json").read_text())["panels"]
    called(command, "generate", "--out", "made", "--check", cwd=foreign)


def test_translate_and_judge(command: Path, foreign: Path) -> None:
    bodies = sorted((foreign / "good").glob("*.bin"))
    events = called(command, "translate", "--source", "livekit", *bodies, cwd=foreign)
    (foreign / "livekit.ndjson").write_text(events)
    for name, call in (("livekit.ndjson", "RM_"), ("calls.ndjson", "example-")):
        lines = called(command, "judge", "--slos", "slos", name, cwd=foreign).splitlines()
        assert lines
        assert all(json.loads(line)["call"].startswith(call) for line in lines)


@pytest.fixture
def served(command: Path, foreign: Path) -> Iterator[str]:
    """The address of the installed exporter."""
    config = {
        "version": "voice-slo-exporter/v1", "listen": "127.0.0.1:0", "data_dir": "./data", "slos": ["slos/"],
        "sources": {"native": {"agent": "front-desk"}},
    }  # fmt: skip
    (foreign / "exporter.yaml").write_text(yaml.safe_dump(config))
    with (foreign / "log").open("wb") as log:
        process = subprocess.Popen([command, "serve", "--config", "exporter.yaml"], cwd=foreign, stdout=log, stderr=log)
    try:
        yield address(process, foreign / "log")
    finally:
        process.terminate()
        assert process.wait(DEADLINE) == 0


def address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if line.startswith("listening on "):
                return line.removeprefix("listening on ")
        time.sleep(0.02)
    raise AssertionError(log.read_text())


def test_serve_and_its_status_page(served: str) -> None:
    page = requests.get(served, timeout=DEADLINE)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "connection-success" in page.text
    assert 'voice_sli_eligible_total{agent="front-desk"' in requests.get(f"{served}metrics", timeout=DEADLINE).text
