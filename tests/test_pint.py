"""`.pint.hcl`: every check that it switches off stands with its reason. pint itself is no tool of these tests."""

from __future__ import annotations

import re
from pathlib import Path

LINES = (Path(__file__).parents[1] / ".pint.hcl").read_text().splitlines()


def test_every_check_that_is_switched_off_has_its_reason_before_it() -> None:
    off = [n for n, line in enumerate(LINES) if re.match(r'[^#]*"[a-z]+/[a-z_]+"', line)]
    assert off
    assert [LINES[n] for n in off if not LINES[n - 1].lstrip().startswith("# ")] == []


def test_brackets_are_closed() -> None:
    code = "\n".join(line for line in LINES if not line.lstrip().startswith("#"))
    for opening, closing in ("{}", "[]"):
        assert code.count(opening) == code.count(closing)
    assert code.count('"') % 2 == 0
