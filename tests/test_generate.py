"""`generate`: what it writes, mends, prunes and leaves alone, also when it is killed on the way."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import COMMAND, DEADLINE, FULL, ROOT, STARTER, Ran, process, voice_slo
from voice_slo_cli import terminal
from voice_slo_cli.output_tree import MANIFEST, Generated, compare, write

DESK = ("grafana/dashboards/front-desk-operator.json", "prometheus_rules/generated/front-desk.rules.yaml")
CENTRE = ("grafana/dashboards/contact-centre-operator.json", "prometheus_rules/generated/contact-centre.rules.yaml")
"""Of each agent the files that a program loads; the others are taken from a whole run."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A team's repository with two SLO files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slos").mkdir()
    shutil.copy(STARTER, tmp_path / "slos" / "desk.yaml")
    shutil.copy(FULL, tmp_path / "slos" / "centre.yaml")
    return tmp_path


def generated(*argv: str | Path) -> Ran:
    ran = voice_slo("generate", *argv)
    assert (ran.code, ran.out) == (0, "")
    return ran


def tree(root: Path) -> dict[str, bytes]:
    """Every generated file below a folder, and whatever lies beside them."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for room in ("prometheus_rules", "grafana")
        for path in sorted((root / room).rglob("*"))
        if path.is_file()
    }


def of(agent: str, paths: Iterable[str]) -> list[str]:
    """Those of an agent's files, which name it in their path."""
    return sorted(path for path in paths if re.search(rf"/{agent}[-./]", path))


def told(paths: Sequence[str], word: str) -> list[str]:
    """What a run says of so many files."""
    if len(paths) <= 20:
        return [f"{path}: {word}" for path in paths]
    return [*(f"{path}: {word}" for path in paths[:19]), f"{len(paths) - 19} more: {word}"]


def test_it_writes_once(here: Path) -> None:
    ran = generated()
    desk, centre = (of(agent, tree(here)) for agent in ("front-desk", "contact-centre"))
    written = sorted([*desk, *centre])
    assert ran.err.splitlines() == [*told(written, "written"), f"{len(written)} files from 2 SLO files"]
    assert set(tree(here)) == {*written, MANIFEST}
    programs = [path for path in desk if not path.endswith(".md") and "/tests/" not in path]
    assert programs == [
        "grafana/dashboards/front-desk-operator.json",
        "prometheus_rules/generated/front-desk.alertmanager.test.sh",
        "prometheus_rules/generated/front-desk.alertmanager.yaml",
        "prometheus_rules/generated/front-desk.rules.yaml",
    ]
    before = {path: (here / path).stat().st_mtime_ns for path in tree(here)}
    assert generated().err == f"{len(written)} files from 2 SLO files\n"
    assert {path: (here / path).stat().st_mtime_ns for path in tree(here)} == before
    assert all((here / path).stat().st_mode & 0o777 == 0o644 for path in tree(here))


def test_the_same_files_give_the_same_bytes_wherever_it_runs(here: Path) -> None:
    generated()
    elsewhere = here / "else" / "where"
    elsewhere.mkdir(parents=True)
    ran = process("generate", here / "slos", "--out", here / "twice", cwd=elsewhere, env={"PYTHONHASHSEED": "7"})
    assert ran.code == 0
    assert process("generate", "--check", "--out", here, here / "slos", cwd=elsewhere).code == 0
    one, other = tree(here), tree(here / "twice")
    assert set(one) == set(other)
    for path in DESK + CENTRE:
        assert one[path].replace(b"slos/", b"") == other[path]
    assert str(here).encode() not in b"".join([*one.values(), *other.values()])


def test_the_committed_output_is_what_the_slo_files_give() -> None:
    ran = process("generate", "--check")
    assert (ran.code, ran.err) == (0, "")


def test_check_names_what_differs_and_writes_nothing(here: Path) -> None:
    generated()
    (here / DESK[0]).unlink()
    (here / DESK[1]).write_bytes(b"edited by hand\n")
    (here / "slos" / "centre.yaml").unlink()
    before = tree(here)
    gone, kept = of("contact-centre", before), {*of("front-desk", before), DESK[0]}
    ran = voice_slo("generate", "--check")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.splitlines() == [
        f"{DESK[0]}: missing",
        f"{DESK[1]}: differs",
        *told(gone, "is generated no more"),
        "run: voice-slo generate",
    ]
    assert tree(here) == before
    assert generated().err.splitlines() == [
        f"{DESK[0]}: written", f"{DESK[1]}: updated", *told(gone, "removed"),
        f"{len(kept)} files from 1 SLO files",
    ]  # fmt: skip
    assert voice_slo("generate", "--check").code == 0


def test_diff_prints_what_would_change_and_writes_nothing(here: Path) -> None:
    generated()
    assert voice_slo("generate", "--diff") == Ran(0, "", "")
    (here / DESK[0]).unlink()
    held = (here / DESK[1]).read_bytes()
    (here / DESK[1]).write_bytes(held.rstrip(b"\n").replace(b"interval: 30s", b"interval: 31s", 1))
    (here / "slos" / "centre.yaml").unlink()
    before = tree(here)
    ran = voice_slo("generate", "--diff")
    assert ran.code == 3
    assert ran.err == voice_slo("generate", "--check").err
    assert tree(here) == before
    heads = [line for line in ran.out.splitlines() if line.startswith(("--- ", "+++ "))]
    pages = {f"--- a/{path}" for path in of("contact-centre", before) if path not in CENTRE}
    assert {*heads} >= pages
    alone = [pair for pair in zip(heads[::2], heads[1::2], strict=True) if pair[0] not in pages]
    assert [head for pair in alone for head in pair] == [
        f"--- a/{CENTRE[0]}", "+++ /dev/null", "--- /dev/null", f"+++ b/{DESK[0]}",
        f"--- a/{CENTRE[1]}", "+++ /dev/null", f"--- a/{DESK[1]}", f"+++ b/{DESK[1]}",
    ]  # fmt: skip
    changed = ran.out.rpartition(f"+++ b/{DESK[1]}")[2].partition("--- ")[0]
    assert "\n-  interval: 31s\n+  interval: 30s\n" in changed
    assert "\n\\ No newline at end of file\n" in changed
    assert "\x1b" not in ran.out


def test_a_diff_is_what_patch_needs(here: Path) -> None:
    """The diff applied by a tool of others gives what `generate` would have written, manifest aside."""
    generated()
    wanted = tree(here)
    (here / DESK[0]).unlink()
    text = wanted[DESK[1]].replace(b"interval: 30s", "interval: \u2028 31s\r".encode(), 1).rstrip(b"\n")
    (here / DESK[1]).write_bytes(text + b"\x0c \xff")
    diff = here / "diff"
    with diff.open("wb") as stream:
        subprocess.run([*COMMAND, "generate", "--diff"], stdout=stream, stderr=subprocess.DEVNULL, check=False,
                       env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    subprocess.run(["git", "apply", "--whitespace=nowarn", "diff"], cwd=here, check=True)
    assert tree(here) == wanted
    assert voice_slo("generate", "--check").code == 0


def test_a_diff_of_a_torn_manifest_says_so(here: Path) -> None:
    generated()
    (here / MANIFEST).unlink()
    ran = voice_slo("generate", "--diff")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.splitlines() == ["the manifest of an earlier run was torn", "run: voice-slo generate"]


def test_a_diff_on_a_terminal_is_coloured_and_cannot_steer_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", screen := Terminal())
    terminal.write_diff([b"--- a/x", b"@@ -1 +1 @@", b"-old \x1b[2J :bug: [red]", b"+new \xff"])
    head, place, old, new, rest = screen.getvalue().split("\n")
    assert (head, place) == ("\x1b[1m--- a/x\x1b[0m", "\x1b[36m@@ -1 +1 @@\x1b[0m")
    assert (old, new) == ("\x1b[31m-old \ufffd[2J :bug: [red]\x1b[0m", "\x1b[32m+new \ufffd\x1b[0m")
    assert rest == ""


def test_only_files_of_the_manifest_are_pruned(here: Path) -> None:
    generated()
    desk = of("front-desk", tree(here))
    foreign = ["prometheus_rules/generated/own.rules.yaml", "grafana/dashboards/own.json", "grafana/notes.txt"]
    for path in foreign:
        (here / path).write_text("by hand")
    (here / "slos" / "centre.yaml").unlink()
    generated()
    assert set(tree(here)) == {*desk, MANIFEST, *foreign}


def test_an_agent_that_is_renamed_leaves_nothing_behind(here: Path) -> None:
    generated("slos/desk.yaml")
    text = STARTER.read_text().replace("agent: front-desk ", "agent: lobby ")
    (here / "slos" / "desk.yaml").write_text(text)
    generated("slos/desk.yaml")
    assert {*of("lobby", tree(here)), MANIFEST} == set(tree(here))


@pytest.mark.parametrize("out", [".", "made", "../made-elsewhere"])
def test_a_run_of_some_files_leaves_those_of_the_others_alone(here: Path, out: str) -> None:
    root = here / out
    generated("slos/desk.yaml", "--out", out)
    desk = tree(root)
    generated("slos/centre.yaml", "--out", out)
    centre = of("contact-centre", tree(root))
    assert {path: tree(root)[path] for path in desk if path != MANIFEST} == {
        path: content for path, content in desk.items() if path != MANIFEST
    }
    assert set(tree(root)) == {*desk, *centre}
    assert voice_slo("generate", "slos/desk.yaml", "--check", "--out", out).code == 0
    assert voice_slo("generate", "--check", "--out", out).code == 0
    (here / "slos" / "desk.yaml").unlink()
    generated("--out", out)
    assert set(tree(root)) == {*centre, MANIFEST}


@pytest.mark.parametrize("torn", [*DESK, MANIFEST])
@pytest.mark.parametrize("how", ["deleted", "altered"])
def test_a_torn_set_is_noticed_and_mended(here: Path, torn: str, how: str) -> None:
    generated()
    whole = tree(here)
    if how == "deleted":
        (here / torn).unlink()
    elif torn == MANIFEST:
        (here / torn).write_bytes(whole[torn].replace(b'"sha256": "', b'"sha256": "0'))
    else:
        (here / torn).write_bytes(whole[torn][:-10])
    assert voice_slo("generate", "--check").code == 3
    generated()
    assert tree(here) == whole


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"files": []}', b'{"files": {"grafana/dashboards/x": 1}}', b"\xff", b"[" * 100_000],
)
def test_what_is_no_manifest_is_refused(here: Path, content: bytes) -> None:
    generated()
    (here / MANIFEST).write_bytes(content)
    before = tree(here)
    for more in ((), ("--check",)):
        ran = voice_slo("generate", *more)
        assert ran.code == 2
        assert ran.err == f"{MANIFEST}: is not a manifest of voice-slo; move it away to generate anew\n"
    assert tree(here) == before


@pytest.mark.parametrize(
    "path",
    [
        "../victim", "prometheus_rules/generated/../../victim", "prometheus_rules/generated/../../../victim", "VICTIM",
        "grafana/panels.py", "prometheus_rules/rule.py", "victim", "", ".", "prometheus_rules/generated/",
        "grafana/dashboards/../panels.py", "grafana/dashboards/\x00", "grafana/dashboards", "grafana//dashboards/x",
    ],
)  # fmt: skip
def test_a_manifest_that_was_tampered_with_deletes_nothing_else(here: Path, path: str) -> None:
    root = here / "out"
    generated("slos/desk.yaml", "--out", root)
    victims = [here / "victim", root / "victim", root / "grafana" / "panels.py", root / "prometheus_rules" / "rule.py"]
    for victim in victims:
        victim.write_text("alive")
    named = path.replace("VICTIM", str(victims[0]))
    manifest: dict[str, Any] = json.loads((root / MANIFEST).read_bytes())
    manifest["files"][named] = {"sha256": "0", "source": "slos/gone.yaml"}
    (root / MANIFEST).write_text(json.dumps(manifest))
    generated("slos/desk.yaml", "--out", root)
    assert [victim.read_text() for victim in victims] == ["alive"] * len(victims)
    assert named not in json.loads((root / MANIFEST).read_bytes())["files"]


def test_nothing_is_written_of_invalid_files(here: Path) -> None:
    generated()
    before = tree(here)
    (here / "slos" / "desk.yaml").write_text("agent: front-desk\n")
    ran = voice_slo("generate")
    assert ran.code == 2
    assert "slos/desk.yaml:1:1: " in ran.err
    assert tree(here) == before


def test_a_place_that_cannot_be_written_to(here: Path) -> None:
    (here / "grafana").write_text("a file")
    ran = voice_slo("generate")
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == f"{DESK[0].replace('front-desk', 'contact-centre')}: Not a directory"


# Another format -------------------------------------------------------------------------------------------------------

FORMATS = {"prometheus": "rules", "operator": "prometheusrules", "mimir": "mimir", "vmalert": "vmalert"}


def rule_files(root: Path) -> set[str]:
    return {path.name for path in (root / "prometheus_rules/generated").glob("*.yaml")} - {
        "front-desk.alertmanager.yaml", "contact-centre.alertmanager.yaml",
    }  # fmt: skip


@pytest.mark.parametrize(("before", "after"), [*pairwise([*FORMATS, "prometheus"]), ("mimir", "mimir")])
def test_another_format_takes_the_place_of_the_one_before(here: Path, before: str, after: str) -> None:
    generated("slos/desk.yaml", "--format", before)
    rest = {path: content for path, content in tree(here).items() if FORMATS[before] + ".yaml" not in path}
    same = before == after
    assert voice_slo("generate", "slos/desk.yaml", "--format", after, "--check").code == (0 if same else 3)
    ran = generated("slos/desk.yaml", "--format", after)
    assert rule_files(here) == {f"front-desk.{FORMATS[after]}.yaml"}
    if not same:
        assert f"prometheus_rules/generated/front-desk.{FORMATS[before]}.yaml: removed" in ran.err.splitlines()
    assert {path: tree(here)[path] for path in rest if path != MANIFEST} == {
        path: content for path, content in rest.items() if path != MANIFEST
    }
    assert voice_slo("generate", "slos/desk.yaml", "--format", after, "--check").code == 0


def test_another_format_of_one_file_leaves_those_of_the_others_alone(here: Path) -> None:
    generated()
    generated("slos/desk.yaml", "--format", "operator", "--label", "release=monitoring", "--namespace", "voice")
    assert rule_files(here) == {"front-desk.prometheusrules.yaml", "contact-centre.rules.yaml"}
    assert voice_slo("generate", "slos/centre.yaml", "--check").code == 0


def test_the_words_to_run_are_those_that_were_given(here: Path) -> None:
    words = "--format operator --target-version 2.40 --label a=b --label c=d --namespace voice".split()
    ran = voice_slo("generate", "--check", *words, "slos/desk.yaml")
    assert ran.err.splitlines()[-1] == f"run: voice-slo generate {' '.join(words)} slos/desk.yaml"
    generated(*words, "slos/desk.yaml")
    assert voice_slo("generate", "--check", *words, "slos/desk.yaml").code == 0


@pytest.mark.parametrize(("words", "message"), [
    (["--target-version", "2.25"], "--target-version: Prometheus 2.25 is too old: the rules need 2.26 or newer"),
    (["--target-version", "two"], "--target-version: two is not a version of Prometheus such as 2.42 or 3.5"),
    (["--format", "vmalert", "--target-version", "3.0"],
     "--target-version is for --format prometheus or operator or mimir, not vmalert"),
    (["--label", "a=b"], "--label is for --format operator, not prometheus"),
    (["--format", "operator", "--label", "a"], "--label: a is not a Kubernetes label such as release=monitoring"),
    (["--namespace", "a"], "--namespace is for --format operator, not prometheus"),
    (["--format", "operator", "--namespace", "A"], "--namespace: A is not the name of a Kubernetes namespace"),
    (["--namespace-prefix", "a"], "--namespace-prefix is for --format mimir, not prometheus"),
    (["--format", "mimir", "--max-groups", "0"], "--max-groups: 0 is not a number of groups such as 70"),
])  # fmt: skip
def test_options_that_cannot_work(here: Path, words: list[str], message: str) -> None:
    ran = voice_slo("generate", *words)
    assert (ran.code, ran.out, ran.err.splitlines()) == (2, "", [message])
    assert tree(here) == {}


def test_what_is_left_out_and_what_is_counted_is_told(here: Path) -> None:
    ran = voice_slo("generate", "slos/desk.yaml", "--target-version", "2.41")
    assert ran.err.splitlines()[0] == "front-desk: warning: keep_firing_for is left out: it needs Prometheus 2.42"
    ran = voice_slo("generate", "slos/desk.yaml", "--format", "mimir")
    assert re.fullmatch(r"mimir: note: \d+ groups, \d+ rules", ran.err.splitlines()[0])


# Killed on the way ----------------------------------------------------------------------------------------------------

OLD = {
    "prometheus_rules/generated/a.rules.yaml": Generated(b"a, old", "slos/a.yaml"),
    "prometheus_rules/generated/runbooks/a/one/fast_burn.md": Generated(b"a, old page", "slos/a.yaml"),
    "prometheus_rules/generated/runbooks/a/two/fast_burn.md": Generated(b"a, page that goes", "slos/a.yaml"),
    "grafana/dashboards/a-operator.json": Generated(b"a, old board", "slos/a.yaml"),
    "prometheus_rules/generated/gone.rules.yaml": Generated(b"gone", "slos/gone.yaml"),
    "prometheus_rules/generated/same.rules.yaml": Generated(b"same", "slos/same.yaml"),
}
NEW = {
    "prometheus_rules/generated/a.rules.yaml": Generated(b"a, new", "slos/a.yaml"),
    "prometheus_rules/generated/runbooks/a/one/fast_burn.md": Generated(b"a, new page", "slos/a.yaml"),
    "prometheus_rules/generated/runbooks/a/three/fast_burn.md": Generated(b"a, page that comes", "slos/a.yaml"),
    "grafana/dashboards/a-operator.json": Generated(b"a, new board", "slos/a.yaml"),
    "prometheus_rules/generated/b.rules.yaml": Generated(b"b", "slos/b.yaml"),
    "prometheus_rules/generated/same.rules.yaml": Generated(b"same", "slos/same.yaml"),
}
OTHER_FORMAT = {path.replace(".rules.", ".prometheusrules."): file for path, file in NEW.items()}
THIRD = {path: file for path, file in NEW.items() if "/b." not in path}
FOREIGN = (
    "grafana/dashboards/own.json", "prometheus_rules/generated/.own.0123abcd.tmp", "prometheus_rules/generated/.x.tmp",
)  # fmt: skip


class Killed(BaseException):
    """The process is gone: nothing that touches the disk happens after it."""


@contextmanager
def killed_after(operations: int) -> Iterator[list[str]]:
    """Whatever changes the disk raises from the n-th on; yields the names of those that happened."""
    done: list[str] = []

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*args: Any, **kwargs: Any) -> Any:
            if len(done) >= operations:
                raise Killed
            done.append(name)
            return real(*args, **kwargs)

        return operation

    with pytest.MonkeyPatch.context() as patch:
        for module, names in ((Path, "replace unlink mkdir rmdir"), (os, "open fdopen fchmod fsync")):
            for name in names.split():
                patch.setattr(module, name, counted(name, getattr(module, name)))
        yield done


def fresh(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    write(root, OLD, sources(OLD))
    for path in FOREIGN:
        (root / path).write_bytes(b"by hand")


def sources(files: Mapping[str, Generated]) -> set[str]:
    return {file.source for file in files.values()}


def visible(root: Path) -> dict[str, bytes]:
    """What Prometheus and Grafana would read: half-written files have names that neither looks for."""
    return {path: content for path, content in tree(root).items() if not path.endswith(".tmp")}


def contents(files: Mapping[str, Generated]) -> dict[str, bytes]:
    return {path: file.content for path, file in files.items()} | dict.fromkeys(FOREIGN, b"by hand")


def points_to_be_killed_at(root: Path, new: Mapping[str, Generated]) -> int:
    fresh(root)
    with killed_after(10_000) as done:
        write(root, new, sources(new))
    assert done.count("replace") >= len(set(new) - set(OLD))
    assert done.count("unlink") == len(set(OLD) - set(new))
    assert done.count("rmdir") >= 1
    return len(done)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("goal", [NEW, OTHER_FORMAT], ids=["new", "format"])
@pytest.mark.parametrize("then", [NEW, OTHER_FORMAT, THIRD, OLD], ids=["new", "format", "third", "old"])
def test_killed_at_any_point_each_file_is_old_or_new_and_the_next_run_mends_it(
    tmp_path: Path, goal: Mapping[str, Generated], then: Mapping[str, Generated]
) -> None:
    old, new = contents(OLD), contents(goal)
    left = 0
    for n in range(points_to_be_killed_at(tmp_path, goal)):
        fresh(tmp_path)
        with pytest.raises(Killed), killed_after(n):
            write(tmp_path, goal, sources(goal))
        for path, content in visible(tmp_path).items():
            assert path == MANIFEST or content in (old.get(path), new.get(path)), n
        kept = {path for path in set(old) & set(new) if not path.endswith(".tmp")}
        assert kept <= set(visible(tmp_path)), n
        half = set(tree(tmp_path)) - set(visible(tmp_path)) - set(FOREIGN)
        left += len(half)
        if half:
            assert compare(tmp_path, then, sources(then)), n
        write(tmp_path, then, sources(then))
        assert not compare(tmp_path, then, sources(then)), n
        assert {path: content for path, content in tree(tmp_path).items() if path != MANIFEST} == contents(then), n
        assert all(any(folder.iterdir()) for folder in tmp_path.rglob("*") if folder.is_dir()), n
    assert left


@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_killed_leaves_a_set_that_the_next_run_mends(here: Path, signal_: signal.Signals) -> None:
    """At whatever moment the signal comes: before the first file, among them, or after the last."""
    (here / "slos" / "centre.yaml").unlink()
    generated()
    whole = tree(here)
    for n in range(3):
        shutil.rmtree(here / "grafana")
        shutil.rmtree(here / "prometheus_rules")
        command = subprocess.Popen(
            [*COMMAND, "generate"], cwd=here, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL
        )
        while command.poll() is None and len(list(here.glob("*/*/*"))) < n:
            pass
        command.send_signal(signal_)
        command.wait(DEADLINE)
        for path, content in visible(here).items():
            assert path == MANIFEST or content == whole[path]
        generated()
        assert tree(here) == whole
