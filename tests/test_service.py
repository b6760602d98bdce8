"""The exporter put together: what it shows before anybody has sent anything."""

from __future__ import annotations

import pytest

from exporter import config
from exporter.service import senders

HEAD = "version: voice-slo-exporter/v1\n"


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ("", {("desk", "native"), ("desk", "livekit"), ("shop", "native"), ("shop", "livekit")}),
        ("sources: {native: {agent: shop}}\n", {("shop", "native")}),
        ("sources: {native: {agent: elsewhere}}\n", set()),
        ("sources: {otlp: {}}\n", {("desk", "livekit"), ("shop", "livekit")}),
        ("sources: {otlp: {}, livekit: {agent: desk}}\n", {("desk", "livekit")}),
    ],
)
def test_who_may_send_for_whom(sources: str, expected: set[tuple[str, str]]) -> None:
    found = config.parse("exporter.yaml", HEAD + sources).sources
    assert set(senders(found, ["desk", "shop"])) == expected
