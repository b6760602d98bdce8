"""The one place that decides what a missing external tool means for a test."""

from __future__ import annotations

import os
import shutil

import pytest

_PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "chromium": "chromium",
}


def tool(name: str) -> str:
    """Path of the tool. Missing: the test is skipped with the reason, and fails where REQUIRE_TOOLS=1."""
    found = shutil.which(name)
    if found:
        return found
    package = _PACKAGES.get(name, name)
    reason = f"{name} is not on PATH, so this was not tested; on Debian: apt install {package}"
    if os.environ.get("REQUIRE_TOOLS") == "1":
        pytest.fail(f"{reason} (REQUIRE_TOOLS=1 demands it)")
    pytest.skip(reason)
