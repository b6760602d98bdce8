"""`voice-slo` as a test calls it: in this process for speed, or in one of its own where signals and pipes matter."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any
from unittest import mock

from voice_slo_cli import main

ROOT = Path(__file__).parent.parent
STARTER = ROOT / "slos" / "starter.yaml"
FULL = ROOT / "slos" / "full.yaml"
EXAMPLES = ROOT / "examples" / "calls.ndjson"
COMMAND = (sys.executable, "-m", "voice_slo_cli.main")
DEADLINE = 60


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as NDJSON."""
        return [json.loads(line) for line in self.out.splitlines()]


def voice_slo(*argv: str | Path, stdin: bytes = b"") -> Ran:
    """One command in this process. An exception that leaves it fails the test: users never see a traceback."""
    out, err, given = (TextIOWrapper(BytesIO(data), "utf-8", write_through=True) for data in (b"", b"", stdin))
    with redirect_stdout(out), redirect_stderr(err), mock.patch.object(sys, "stdin", given):
        try:
            code: object = main.run([str(word) for word in argv])
        except SystemExit as e:
            code = e.code
    return Ran(int(str(code)), _text(out), _text(err))


def _text(stream: TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, BytesIO)
    return buffer.getvalue().decode()


def process(*argv: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> Ran:
    """One command in a process of its own."""
    done = subprocess.run(
        [*COMMAND, *(str(word) for word in argv)], cwd=cwd, env=env, capture_output=True, text=True, timeout=DEADLINE,
        check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)
