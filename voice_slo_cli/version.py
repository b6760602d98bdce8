"""The installed version."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    try:
        return version("voice-slo")
    except PackageNotFoundError:
        return "0+unknown"
