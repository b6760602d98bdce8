"""What an OpenSLO v1 object may hold, stated from the specification and the rules of its Go SDK."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any, str], None]
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LABEL_KEY = re.compile(r"[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
ANNOTATION_KEY = re.compile(rf"([a-z0-9]([-a-z0-9.]{{0,251}}[a-z0-9])?/)?{LABEL_KEY.pattern}")
DURATION = re.compile(r"[1-9]\d*[mhdwMQY]")


def is_valid(found: Mapping[str, Any]) -> None:
    """Fails where one object of its own breaks a rule."""
    assert found["apiVersion"] == "openslo/v1"
    _inside({"apiVersion": text(), "kind": one_of(*KINDS), "metadata": metadata, "spec": KINDS[found["kind"]]})(
        found, found["kind"]
    )


def text(most: int = 10_000, pattern: re.Pattern[str] | None = None) -> Check:
    def check(value: Any, at: str) -> None:
        assert isinstance(value, str), at
        assert 0 < len(value) <= most, at
        assert pattern is None or pattern.fullmatch(value), f"{at}: {value}"

    return check


def one_of(*words: Any) -> Check:
    def check(value: Any, at: str) -> None:
        assert value in words, f"{at}: {value}"

    return check


def number(low: float, high: float) -> Check:
    def check(value: Any, at: str) -> None:
        assert not isinstance(value, bool), at
        assert isinstance(value, int | float), at
        assert low <= value < high, f"{at}: {value}"

    return check


def _inside(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    def check(value: Any, at: str) -> None:
        assert isinstance(value, dict), at
        assert set(required) <= set(value), at
        for key, part in value.items():
            assert key in required or key in (optional or {}), f"{at}.{key}"
            (required.get(key) or (optional or {})[key])(part, f"{at}.{key}")

    return check


def _items(each: Check, low: int = 0, high: int = 1000) -> Check:
    def check(value: Any, at: str) -> None:
        assert isinstance(value, list), at
        assert low <= len(value) <= high, at
        for index, item in enumerate(value):
            each(item, f"{at}[{index}]")

    return check


def _keys(pattern: re.Pattern[str]) -> Check:
    def check(value: Any, at: str) -> None:
        assert isinstance(value, dict), at
        for key, part in value.items():
            assert pattern.fullmatch(key), f"{at}: {key}"
            assert isinstance(part, str), f"{at}.{key}"

    return check


metadata = _inside(
    {"name": text(63, NAME)},
    {"displayName": text(63), "labels": _keys(LABEL_KEY), "annotations": _keys(ANNOTATION_KEY)},
)
_source = _inside({"metricSource": _inside({"spec": _inside({"query": text()})}, {"type": text()})})
_ratio = _inside({"counter": one_of(True, False), "good": _source, "total": _source})
_sli = _inside({"ratioMetric": _ratio})
_burn = _inside(
    {
        "kind": one_of("burnrate"),
        "op": one_of("gt", "gte", "lt", "lte"),
        "threshold": number(0, 1e6),
        "lookbackWindow": text(pattern=DURATION),
    },
    {"alertAfter": text(pattern=DURATION)},
)
_condition = _inside({"severity": text(), "condition": _burn}, {"description": text(1050)})
_inline_condition = _inside({"kind": one_of("AlertCondition"), "metadata": metadata, "spec": _condition})
_policy = _inside({"conditions": _items(_inline_condition, 1, 1)}, {"alertWhenBreaching": one_of(True, False)})
_rolling = _inside({"duration": text(pattern=DURATION), "isRolling": one_of(True)})
_start = text(pattern=re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"))
_months = _inside(
    {
        "duration": text(pattern=DURATION),
        "isRolling": one_of(False),
        "calendar": _inside({"startTime": _start, "timeZone": text(pattern=re.compile(r"[A-Za-z0-9_+/-]+"))}),
    }
)


def _window(value: Any, at: str) -> None:
    """A rolling window has no calendar, any other has one."""
    (_months if isinstance(value, dict) and "calendar" in value else _rolling)(value, at)


_slo = _inside(
    {
        "service": text(),
        "budgetingMethod": one_of("Occurrences"),
        # Of a ratio, op and value are forbidden; target is below 1.
        "objectives": _items(_inside({"target": number(0, 1)}, {"displayName": text()}), 1),
        "indicator": _inside({"metadata": metadata, "spec": _sli}),
    },
    {
        "description": text(1050),
        "timeWindow": _items(_window, 1, 1),
        "alertPolicies": _items(_inside({"kind": one_of("AlertPolicy"), "metadata": metadata, "spec": _policy})),
    },
)
KINDS: Mapping[str, Check] = {"SLO": _slo, "Service": _inside({}, {"description": text(1050)})}
