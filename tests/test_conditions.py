from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_slo.conditions import (
    All,
    Any,
    Compare,
    Condition,
    Equals,
    Has,
    Known,
    Not,
    Parameter,
    Value,
    describe,
    evaluate,
    fields,
    required_fields,
)

FACTS: dict[str, Value] = {"yes": True, "no": False, "latency": 1.2, "tags": frozenset(("a", "b")), "word": "x"}


def holds(condition: Condition, *, settled: bool = False) -> bool | None:
    return evaluate(condition, FACTS.get, {"threshold": Decimal("1.2")}, settled)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Equals("yes", (True,)), True),
        (Equals("no", (True,)), False),
        (Equals("gone", (True,)), None),
        (Equals("word", ("w", "x")), True),
        (Compare("latency", "lt", Decimal("1.2")), False),
        (Compare("latency", "le", Decimal("1.2")), True),
        (Compare("latency", "lt", Parameter("threshold")), False),
        (Compare("latency", "ge", Parameter("threshold")), True),
        (Compare("latency", "gt", Decimal("1.1")), True),
        (Compare("gone", "gt", Decimal("1.1")), None),
        (Has("tags", "a"), True),
        (Has("gone", "a"), None),
        (Not(Equals("gone", (True,))), None),
        (Not(Equals("no", (True,))), True),
        (All((Equals("yes", (True,)), Equals("gone", (True,)))), None),
        (All((Equals("no", (True,)), Equals("gone", (True,)))), False),
        (Any((Equals("yes", (True,)), Equals("gone", (True,)))), True),
        (Any((Equals("no", (True,)), Equals("gone", (True,)))), None),
        (All(()), True),
        (Any(()), False),
    ],
)
def test_three_values(condition: Condition, expected: bool | None) -> None:
    assert holds(condition) is expected


def test_a_value_that_is_not_known_can_still_come_until_the_call_settles() -> None:
    assert holds(Known("gone", False)) is None
    assert holds(Known("gone", True)) is None
    assert holds(Known("gone", False), settled=True) is True
    assert holds(Known("gone", True), settled=True) is False
    assert holds(Known("word", True)) is True
    assert holds(Known("word", False)) is False


def test_a_member_that_is_not_in_a_set_may_still_come_until_the_call_settles() -> None:
    assert holds(Has("tags", "z")) is None
    assert holds(Has("tags", "z"), settled=True) is False


def test_a_measured_threshold_is_compared_as_the_decimal_that_was_written() -> None:
    below_by_float_noise = evaluate(Compare("l", "lt", Decimal("1.2")), {"l": 1.2}.get, {})
    assert below_by_float_noise is False
    assert evaluate(Compare("l", "lt", Decimal("1.2")), {"l": 1.1999}.get, {}) is True


LEAVES: st.SearchStrategy[Condition] = st.sampled_from(
    [Equals("yes", (True,)), Equals("no", (True,)), Equals("gone", (True,)), Compare("latency", "lt", Decimal(1)),
     Known("gone", True), Has("tags", "a")]
)  # fmt: skip
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda parts: All(tuple(parts)), st.lists(inner, max_size=3)),
        st.builds(lambda parts: Any(tuple(parts)), st.lists(inner, max_size=3)),
    ),
    max_leaves=8,
)


@given(CONDITIONS)
def test_what_is_decided_stays_decided_whatever_the_missing_facts_turn_out_to_be(condition: Condition) -> None:
    decided = holds(condition)
    if decided is not None:
        for value in (True, False):
            later = evaluate(condition, (FACTS | {"gone": value}).get, {}, settled=True)
            assert later is decided


@given(CONDITIONS, CONDITIONS)
def test_de_morgan(a: Condition, b: Condition) -> None:
    assert holds(Not(All((a, b)))) is holds(Any((Not(a), Not(b))))


@given(CONDITIONS)
def test_every_condition_can_be_described_and_lists_its_fields(condition: Condition) -> None:
    assert describe(condition)
    assert set(required_fields(condition)) <= set(fields(condition))


def test_fields_that_are_asked_about_are_not_required() -> None:
    condition = All((Equals("a", (True,)), Any((Compare("b", "lt", Decimal(1)), Known("b", False)))))
    assert required_fields(condition) == ["a"]
