"""HTTP to what runs on this machine: never through a proxy that the environment names."""

from __future__ import annotations

from collections.abc import Mapping

import requests


def session() -> requests.Session:
    """requests asks the environment for a proxy even for a loopback address."""
    made = requests.Session()
    made.trust_env = False
    return made


def get(url: str, params: Mapping[str, str] | None = None, *, seconds: float) -> requests.Response:
    """One GET. Raises `requests.RequestException`."""
    with session() as made:
        return made.get(url, params=params, timeout=seconds)
