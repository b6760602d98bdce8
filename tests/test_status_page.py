"""The status page: what it says, that it says it safely, and that it can be read on a narrow screen without scripts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from exporter.status_page import Link, ScheduleView, SloView, SourceView, StatusView, render, state_of

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
SLO = SloView(
    agent="front-desk", name="turn-latency", title="Turn latency", owner="voice-runtime", objective=Decimal("0.95"),
    period=30 * 86400, eligible=12_890, bad=41, excluded=7, unknown=3, awaiting=2, pending=1, budget=Decimal("644.5"),
    state="in budget",
)  # fmt: skip
SOURCE = SourceView("livekit", 54_321, 54_000, 300, 21, 4, 1, NOW - timedelta(minutes=2, seconds=5))
VIEW = StatusView(
    version="0.1.0", now=NOW, started=NOW - timedelta(hours=5, minutes=13, seconds=9), not_ready=None,
    store="data/store.db", store_bytes=3_400_000, calls_open=4, last_reload=NOW, slos=(SLO,), sources=(SOURCE,),
    warnings=("no source of 3 calls can observe turn.tool_used",), links=(Link("Metrics", "/metrics"),),
)  # fmt: skip


class _Text(HTMLParser):
    """Cells of the tables, tags and the words outside of them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip() and self.tags[-1][0] != "style":
            self.words.append(" ".join(data.split()))


def read(view: StatusView) -> _Text:
    text = _Text()
    text.feed(render(view))
    return text


def test_an_objective_with_its_budget() -> None:
    words = read(VIEW).words
    start = words.index("front-desk / turn-latency")
    assert words[start : start + 12] == [
        "front-desk / turn-latency", "Turn latency · voice-runtime", "95%", "12,890", "41", "7", "3", "2", "1",
        "603.5 of 644.5 (94%)", "over 30d", "in budget",
    ]  # fmt: skip


def test_an_objective_over_a_calendar_month() -> None:
    words = read(replace(VIEW, slos=(replace(SLO, calendar="Europe/Berlin"),))).words
    assert "this month, Europe/Berlin" in words


@pytest.mark.parametrize(
    ("eligible", "bad", "budget", "state", "left"),
    [
        (0, 0, "0", "no events yet", "–"), (12, 1, "1.2", "collecting", "0.2 of 1.2 (17%)"),
        (12, 3, "1.2", "collecting", "-1.8 of 1.2 (-150%)"), (1000, 60, "50", "exhausted", "-10 of 50 (-20%)"),
        (1000, 45, "50", "low", "5 of 50 (10%)"), (1000, 40, "50", "in budget", "10 of 50 (20%)"),
        (1000, 0, "50", "in budget", "50 of 50 (100%)"), (5, 6, "0", "exhausted", "-6 of 0"),
    ],
)  # fmt: skip
def test_states(eligible: int, bad: int, budget: str, state: str, left: str) -> None:
    found = state_of(eligible, bad, Decimal(budget))
    slo = replace(SLO, eligible=eligible, bad=bad, budget=Decimal(budget), state=found)
    words = read(replace(VIEW, slos=(slo,))).words
    assert words[words.index("over 30d") - 1 :][:3] == [left, "over 30d", state]


def test_sources_with_their_last_event() -> None:
    never = replace(SOURCE, name="native", last_event=None)
    words = read(replace(VIEW, sources=(SOURCE, never))).words
    start = words.index("livekit")
    assert words[start : start + 9] == [
        "livekit", "54,321", "54,000", "300", "21", "4", "1", "2m5s ago", "2026-11-23 11:57:55 UTC",
    ]  # fmt: skip
    assert words[words.index("native") + 7] == "none since the start"


def test_schedules_of_test_calls_stand_there_where_there_are_any() -> None:
    minute = timedelta(minutes=1)
    row = ScheduleView("front-desk", "fraud", 300, NOW - 4 * minute, NOW + minute, 7, 2, 1, 0, 3)
    never = replace(row, flow="faq", last_run=None)
    words = read(replace(VIEW, schedules=(row, never))).words
    start = words.index("front-desk / fraud")
    assert words[start : start + 9] == [
        "front-desk / fraud", "5m", "7", "2", "1", "0", "3", "4m ago", "2026-11-23 12:01:00 UTC",
    ]  # fmt: skip
    assert words[words.index("front-desk / faq") + 7] == "none yet"
    assert "Scheduled test calls" not in read(VIEW).words


def test_the_exporter_itself() -> None:
    page = " ".join(read(VIEW).words)
    assert "0.1.0 · up 5h13m · ready" in page
    assert "data/store.db (3.2 MiB)" in page
    assert "no source of 3 calls can observe turn.tool_used" in page
    assert "not ready: the store is locked" in " ".join(read(replace(VIEW, not_ready="the store is locked")).words)


def test_an_empty_exporter() -> None:
    page = " ".join(read(replace(VIEW, slos=(), sources=(), warnings=(), links=(), last_reload=None)).words)
    assert "No SLO file is loaded." in page
    assert "No source is configured." in page
    assert "loaded never" in page


def test_hostile_texts_stay_texts() -> None:
    evil = '"><script>alert(1)</script>{{ 7 * 7 }}'
    page = read(
        replace(
            VIEW,
            version=evil,
            store=evil,
            warnings=(evil,),
            not_ready=evil,
            sources=(replace(SOURCE, name=evil),),
            slos=(replace(SLO, title=evil, owner=evil, name=evil),),
            links=(Link(evil, f"https://example.com/{evil}"),),
        )
    )
    assert "script" not in {tag for tag, _ in page.tags}
    assert evil in page.words
    assert "49" not in page.words


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//example.com", " https://example.com"])
def test_only_web_addresses_become_links(url: str) -> None:
    page = read(replace(VIEW, links=(Link("Bad", url), Link("Good", "https://example.com/"))))
    assert [attrs["href"] for tag, attrs in page.tags if tag == "a"] == ["https://example.com/"]
    assert f"Bad: {url.strip()}" in page.words


def test_nothing_is_loaded_and_both_colour_schemes_are_served() -> None:
    html = render(VIEW)
    assert not re.search(r"<script|<link|<img|@import|url\(|\son\w+=", html)
    assert "prefers-color-scheme: dark" in html
    assert "width=device-width" in html
