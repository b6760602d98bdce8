"""`voice-slo` as a whole: `check`, exit codes, pipes, and that no mistake of a user shows a traceback."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.command_line import COMMAND, EXAMPLES, FULL, ROOT, STARTER, process, voice_slo
from voice_slo_cli.main import COMMANDS

MISTAKEN = """version: voice-slo/v1
agent: {agent}
owner: someone
slos:
  answered: {{sli: connection_success, objective: 99.9}}
  quick: {{sli: turn_latncy, objective: 95%}}
"""
WORTH_A_WARNING = """version: voice-slo/v1
agent: front-desk
owner: someone
slos:
  answered: {sli: connection_success, objective: 100%}
"""


@pytest.fixture
def mistaken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files of two semantic errors each, and one that is no YAML."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "slos"
    folder.mkdir()
    (folder / "a.yaml").write_text(MISTAKEN.format(agent="first"))
    (folder / "b.yml").write_text(MISTAKEN.format(agent="second"))
    (folder / "c.yaml").write_text("agent: [open\n")
    return folder


# check ----------------------------------------------------------------------------------------------------------------


def test_check_shows_the_slos_of_every_file() -> None:
    ran = voice_slo("check", FULL, STARTER)
    assert ran.code == 0
    assert [line.split(": ")[1:3] for line in ran.err.splitlines()] == [
        ["note", "slos.task-completion.objective"],
        ["note", "slos.intent-accuracy.objective"],
        ["note", "slos.task-completion.objective"],
    ]
    assert f"{FULL}: agent contact-centre, 15 SLOs" in ran.out
    assert f"{STARTER}: agent front-desk, 4 SLOs" in ran.out
    starter = ran.out.partition(str(STARTER))[2]
    row, burns = [line.split() for line in starter.splitlines() if "turn-latency" in line]
    assert row == ["turn-latency", "turn_latency", "95%", "1.2", "30d", "flow", "4", "voice-runtime"]
    assert " ".join(burns) == "turn-latency – 5% guarded fast 10x page, medium 6x page, slow 1.5x ticket"


def test_check_shows_burn_factors_as_they_take_effect(tmp_path: Path) -> None:
    out = voice_slo("check", FULL).out.partition("burn factors")[2]
    assert [" ".join(line.split()) for line in out.splitlines() if line.startswith("task-completion")] == [
        "task-completion flow=fraud 3% guarded fast 10x page, medium 6x page, slow 1.5x ticket",
        "task-completion flow=faq|billing 15% guarded observed, never alerts",
        "task-completion the rest 10% guarded fast 5x (not 10x) page, medium 5x (not 6x) page, slow 1.5x ticket",
    ]


def test_names_that_look_like_markup_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "slos.yaml"
    path.write_text(WORTH_A_WARNING.replace("someone", '"[red]team[/red] :bug:"'))
    assert "[red]team[/red] :bug:" in voice_slo("check", path).out


def test_check_takes_the_folder_slos_where_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert voice_slo("check").out == voice_slo("check", "slos/").out == voice_slo("check", "slos", "slos").out


def test_check_for_machines() -> None:
    ran = voice_slo("check", STARTER, "--output", "json")
    said = json.loads(ran.out)
    assert (ran.code, ran.err, said["ok"]) == (0, "", True)
    assert [(p["field"], p["severity"]) for p in said["problems"]] == [("slos.task-completion.objective", "note")]
    (file,) = said["files"]
    assert (file["path"], file["agent"]) == (str(STARTER), "front-desk")
    assert [slo["name"] for slo in file["slos"]] == [
        "connection-success", "turn-latency", "task-completion", "escalation-correctness",
    ]  # fmt: skip
    assert all(len(slo["definition"]) == 12 for slo in file["slos"])
    ((budget,),) = (slo["budgets"] for slo in file["slos"] if slo["name"] == "task-completion")
    fast, *_ = budget.pop("tiers")
    assert budget == {"match": {}, "objective": 0.9, "error_budget": 0.1, "mode": "strict"}
    assert fast == {"name": "fast", "severity": "page", "factor": 10, "effective_factor": 5, "bad_ratio": 0.5}


def test_a_warning_is_told_and_does_not_fail(tmp_path: Path) -> None:
    path = tmp_path / "slos.yaml"
    path.write_text(WORTH_A_WARNING)
    ran = voice_slo("check", path)
    place = f"{path}:5:50: warning: slos.answered.objective: "
    assert ran.code == 0
    assert ran.err == f"{place}100% leaves no error budget: the first bad unit exhausts it\n"
    assert "1 SLOs" in ran.out
    (problem,) = json.loads(voice_slo("check", path, "--output", "json").out)["problems"]
    assert (problem["severity"], problem["line"], problem["column"]) == ("warning", 5, 50)


def test_every_error_of_every_file_is_on_stderr(mistaken: Path) -> None:
    ran = voice_slo("check")
    assert (ran.code, ran.out) == (2, "")
    *errors, counted = ran.err.splitlines()
    assert counted == "5 errors; nothing was changed"
    assert [line.split(": ")[:2] for line in errors] == [
        ["slos/a.yaml:5:50", "slos.answered.objective"],
        ["slos/a.yaml:6:16", "slos.quick.sli"],
        ["slos/b.yml:5:50", "slos.answered.objective"],
        ["slos/b.yml:6:16", "slos.quick.sli"],
        ["slos/c.yaml:2:1", "is not YAML"],
    ]
    assert errors[0].endswith(": 99.9 is not between 0 and 1; write 99.9% or 0.999")
    assert "did you mean turn_latency?" in errors[1]


def test_errors_for_machines_are_on_stdout(mistaken: Path) -> None:
    ran = voice_slo("check", "--output", "json")
    said = json.loads(ran.out)
    assert (ran.code, said["ok"], said["files"]) == (2, False, [])
    assert [(p["path"], p["line"], p["field"], p["severity"]) for p in said["problems"]][:2] == [
        ("slos/a.yaml", 5, "slos.answered.objective", "error"),
        ("slos/a.yaml", 6, "slos.quick.sli", "error"),
    ]


def test_the_same_agent_in_two_files(tmp_path: Path) -> None:
    again = shutil.copy(STARTER, tmp_path / "again.yaml")
    ran = voice_slo("check", STARTER, again)
    assert ran.code == 2
    assert f"agent: front-desk is already the agent of {STARTER}:4\n" in ran.err


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    assert voice_slo("check", tmp_path / "none.yaml").err == f"{tmp_path}/none.yaml: no such file or folder\n"
    ran = voice_slo("check", tmp_path)
    assert (ran.code, ran.err) == (2, f"{tmp_path}: no *.yaml file in this folder\n")


def test_paths_may_stand_on_both_sides_of_an_option() -> None:
    both = voice_slo("check", FULL, "--output", "json", STARTER)
    assert both.out == voice_slo("check", FULL, STARTER, "--output", "json").out


# exit codes -----------------------------------------------------------------------------------------------------------


def test_the_exit_codes(tmp_path: Path) -> None:
    out = tmp_path / "made"
    assert voice_slo("--version").code == 0
    assert voice_slo("--help").code == 0
    assert voice_slo("generate", STARTER, "--out", out, "--check").code == 3
    assert voice_slo("generate", STARTER, "--out", out).code == 0
    assert voice_slo("generate", STARTER, "--out", out, "--check").code == 0
    assert voice_slo("generate", tmp_path / "none", "--out", out, "--check").code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_is_for(command: str) -> None:
    ran = voice_slo(command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"usage: voice-slo {command}")
    assert command in voice_slo("--help").out


def mistakes(folder: Path) -> list[tuple[str | Path, ...]]:
    """What people mistype, point at the wrong file, or lose on the way."""
    nothing, binary, deep, cut, garbled = (
        folder / name for name in ("nothing", "binary", "deep", "cut.gz", "garbled.gz")
    )
    nothing.write_bytes(b"")
    binary.write_bytes(bytes(range(256)) * 9)
    deep.write_bytes(b"[" * 100_000)
    cut.write_bytes(gzip.compress(EXAMPLES.read_bytes())[:200])
    garbled.write_bytes(gzip.compress(b"")[:10] + b"not deflated")
    files: list[Path] = [nothing, binary, deep, cut, garbled, folder, folder / "none", Path("/dev/null/x")]
    wrong_slos: list[tuple[str | Path, ...]] = [
        ("check", path) for path in (*files, folder / ("x" * 300), EXAMPLES, ROOT / "docker-compose.yml")
    ]
    wrong_events: list[tuple[str | Path, ...]] = [
        (*command, "--slos", STARTER, path)
        for command in (("judge",), ("explain", "x"))
        for path in (*files[1:], STARTER)
    ]
    wrong_specs: list[tuple[str | Path, ...]] = [("openslo", "import", path) for path in (*files, STARTER)]
    # An empty body is a protobuf message in which nothing stands.
    wrong_payloads: list[tuple[str | Path, ...]] = [
        ("translate", "--source", source, path) for source in ("native", "livekit", "otlp") for path in files[1:]
    ]
    return [
        (), ("",), ("chek",), ("check", "--bogus"), ("check", "--output", "xml"), ("check", ""), ("--output", "json"),
        ("generate", "--check", folder / "none"), ("generate", STARTER, "--out", binary), ("generate", "--out"),
        ("judge", "--slos", folder / "none"), ("judge", "--agent", "nobody", "--slos", STARTER, EXAMPLES),
        ("judge", "--slos", FULL, STARTER), ("judge", "--slos", FULL, "--slos", STARTER, EXAMPLES),
        ("explain",), ("explain", "x", "--exporter"), ("explain", "", "--slos", STARTER, EXAMPLES),
        ("openslo",), ("openslo", "export", folder / "none"), ("openslo", "import", "--output", "xml"),
        ("serve",), ("serve", "--config"), ("demo", "extra"), ("translate", EXAMPLES),
        ("translate", "--source", "acme"),
        ("translate", "--source", "native", "--config", binary, EXAMPLES),
        ("translate", "--source", "native", "--config", folder, EXAMPLES),
        ("translate", "--source", "native", "--config", folder / "none", EXAMPLES),
        *(("explain", "x", "--exporter", url) for url in (
            "", "nowhere", "http://", "http://[", "http://a..b", f"http://{'a' * 70}.example.com", "http://127.0.0.1:0",
            "http://127.0.0.1:99999", "ftp://127.0.0.1", "file:///etc/hostname", "http://127.0.0.1:1",
        )),
        *wrong_slos, *wrong_specs, *wrong_events, *wrong_payloads, ("translate", "--source", "native", nothing),
    ]  # fmt: skip


def test_no_mistake_shows_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for argv in mistakes(tmp_path):
        ran = voice_slo(*argv)
        assert ran.code == 2, argv
        assert ran.err.strip(), argv
        assert "Traceback" not in ran.err, argv
        assert len(ran.err) < 20_000, argv


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("check", "--bogus", "x"), "voice-slo: error: unrecognized arguments: --bogus"),
        (("demo", "x"), "voice-slo: error: unrecognized arguments: x"),
        (("judge", "--slos", STARTER, "--agent", "nobody"), "agent nobody has no SLO file; there are: front-desk"),
        (("demo", "--slos", ROOT / "slos"), "the demo is of one agent, and these are SLO files of 2; name one of them"),
        (("demo", "--slos", STARTER, "--recorded", "none"), "none: no recorded calls (*/traces-*.bin)"),
    ],
)  # fmt: skip
def test_what_a_mistake_is_told(argv: tuple[str | Path, ...], said: str, tmp_path: Path) -> None:
    where = ("--run-dir", tmp_path) if argv[0] == "demo" else ()
    ran = process(*argv, *where)
    assert ran.code == 2
    assert ran.err.splitlines()[-1].endswith(said)


# pipes and encodings --------------------------------------------------------------------------------------------------


def test_a_reader_that_has_enough_is_no_error() -> None:
    argv = [*COMMAND, "judge", "--slos", str(STARTER), *[str(EXAMPLES)] * 5]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 0


def test_a_terminal_that_cannot_show_a_character_gets_another(tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml")
    shutil.copy(STARTER, odd)
    ran = process("check", odd, env={"PYTHONIOENCODING": "ascii:strict", "PATH": os.environ["PATH"]})
    assert ran.code == 0
    assert "Traceback" not in ran.err
    assert "\\udcff.yaml: agent front-desk, 4 SLOs" in ran.out


def test_colour_is_for_terminals(mistaken: Path) -> None:
    ran = process("check", cwd=mistaken.parent)
    assert ran.code == 2
    assert "\x1b" not in ran.err + ran.out


def test_a_place_that_spells_an_emoji_is_printed_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "slos.yaml"
    path.write_text("#\n" * 99 + "agent: [open\n")
    assert f"{path}:101:1: is not YAML" in voice_slo("check", path).err
    path.write_text("#\n" * 99 + "agent: *x\n")
    assert f"{path}:100:8: agent: aliases" in voice_slo("check", path).err
