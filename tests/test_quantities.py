from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_slo import quantities
from voice_slo.quantities import QuantityError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("99.5%", "0.995"),
        ("0.995", "0.995"),
        ("99.50%", "0.995"),
        ("100%", "1"),
        ("1", "1"),
        ("0", "0"),
        ("0%", "0"),
        ("99.999%", "0.99999"),
    ],
)
def test_ratios_are_exact(text: str, value: str) -> None:
    assert str(quantities.ratio(text)) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("99.9", "99.9 is not between 0 and 1; write 99.9% or 0.999"),
        ("99", "99 is not between 0 and 1; write 99% or 0.99"),
        ("100", "100 is not between 0 and 1; write 100% or 1"),
        ("101", "101 is not between 0 and 1"),
        ("-0.5", "-0.5 is not between 0 and 1"),
        ("101%", "101% is not between 0% and 100%"),
        ("1e999%", "1e999% is not a ratio such as 99.5% or 0.995"),
        ("99,5%", "99,5% is not a ratio such as 99.5% or 0.995"),
        ("٩٩%", "٩٩% is not a ratio such as 99.5% or 0.995"),
        ("nan", "nan is not a ratio such as 99.5% or 0.995"),
        ("", " is not a ratio such as 99.5% or 0.995"),
    ],
)
def test_what_is_no_ratio(text: str, message: str) -> None:
    with pytest.raises(QuantityError) as error:
        quantities.ratio(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("800ms", "0.8"),
        ("1.2s", "1.2"),
        ("1200ms", "1.2"),
        ("0s", "0"),
        ("5m", "300"),
        ("1h30m", "5400"),
        ("1.5h", "5400"),
        ("1m500ms", "60.5"),
        ("30d", "2592000"),
        ("366d", "31622400"),
    ],
)
def test_durations_are_exact_seconds(text: str, seconds: str) -> None:
    assert str(quantities.duration(text)) == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("30", "30 has no unit; write 30s, 30m, 30h or 30d"),
        ("367d", "367d is longer than 366d"),
        ("30m1h", "30m1h is not a duration such as 800ms, 1.2s, 5m, 1h30m or 30d"),
        ("1w", "1w is not a duration such as 800ms, 1.2s, 5m, 1h30m or 30d"),
        ("-5m", "-5m is not a duration such as 800ms, 1.2s, 5m, 1h30m or 30d"),
        ("9" * 60 + "d", "9" * 60 + "d is not a duration such as 800ms, 1.2s, 5m, 1h30m or 30d"),
        ("", " is not a duration such as 800ms, 1.2s, 5m, 1h30m or 30d"),
    ],
)
def test_what_is_no_duration(text: str, message: str) -> None:
    with pytest.raises(QuantityError) as error:
        quantities.duration(text)
    assert str(error.value) == message


def test_windows_and_periods_are_whole_seconds() -> None:
    assert quantities.whole_seconds("2h") == 7200
    with pytest.raises(QuantityError, match=r"1\.5s is not a whole number of seconds"):
        quantities.whole_seconds("1.5s")


def test_traffic_is_events_per_second() -> None:
    assert quantities.traffic("0.5/s") == Decimal("0.5")
    assert quantities.traffic("86400/d") == 1
    assert quantities.traffic("60/h") * 60 == quantities.traffic("60/m")
    with pytest.raises(QuantityError, match="4000/w is not a rate"):
        quantities.traffic("4000/w")


@pytest.mark.parametrize("text", ["012", "1e3", "0x10", "1_000", ".5", "+5", "10:30", "inf", "१२"])
def test_yaml_traps_are_no_numbers(text: str) -> None:
    with pytest.raises(QuantityError):
        quantities.number(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(900, "15m"), (86400, "1d"), (30 * 86400, "30d"), (21600, "6h"), (5400, "1h30m"), (90, "1m30s"), (0, "0s")],
)
def test_durations_as_prometheus_writes_them(seconds: int, text: str) -> None:
    assert quantities.prometheus_duration(seconds) == text


def test_decimals_are_written_without_exponent_or_float_noise() -> None:
    assert quantities.plain(Decimal("0.9950")) == "0.995"
    assert quantities.plain(Decimal("3E+1")) == "30"
    assert quantities.plain(1 - Decimal("0.9")) == "0.1"
    assert quantities.plain(Decimal("1E-9")) == "0.000000001"
    assert quantities.percent(Decimal("0.995")) == "99.5%"
    assert quantities.percent(Decimal("1")) == "100%"


@given(st.decimals(0, 1, places=9, allow_nan=False, allow_infinity=False))
def test_a_ratio_survives_both_notations(value: Decimal) -> None:
    assert quantities.ratio(quantities.plain(value)) == value
    assert quantities.ratio(quantities.percent(value)) == value


@given(st.integers(0, quantities.LONGEST))
def test_a_duration_survives_its_notation(seconds: int) -> None:
    assert quantities.whole_seconds(quantities.prometheus_duration(seconds)) == seconds


def outcome(parse: Callable[[str], Decimal], text: str) -> Decimal | str:
    try:
        return parse(text)
    except QuantityError as error:
        return str(error)


@given(st.text(max_size=30) | st.from_regex(r"-?[0-9]{0,30}\.?[0-9]{0,30}(%|ms|s|d|/d)?", fullmatch=True))
def test_any_text_is_a_finite_quantity_or_a_message_of_one_line(text: str) -> None:
    for parse in (quantities.ratio, quantities.duration, quantities.traffic, quantities.number):
        value = outcome(parse, text)
        assert value.isprintable() if isinstance(value, str) else value.is_finite()
