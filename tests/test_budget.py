from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from voice_slo.budget import budget, burn_rate, exhaustion_seconds

OBJECTIVES = st.decimals("0.5", "1", places=5)
COUNTS = st.integers(0, 10**9)
DAY, PERIOD = 86_400, 30 * 86_400


def test_the_articles_worked_example() -> None:
    found = budget(Decimal("0.995"), eligible=100_000, bad=380)
    assert found.allowed == 500
    assert found.remaining == 120
    assert found.remaining_ratio == Fraction(24, 100)
    assert burn_rate(Decimal("0.995"), eligible=100, bad=2) == 4


def test_forecast_is_remaining_over_the_present_rate_of_bad_events() -> None:
    # 120 failures left, 60 failed in the last six hours: twelve hours.
    assert exhaustion_seconds(Fraction(120), bad=60, window=6 * 3600, period=PERIOD) == 12 * 3600


def test_forecast_is_capped_at_the_period_and_zero_once_spent() -> None:
    assert exhaustion_seconds(Fraction(120), bad=0, window=6 * 3600, period=PERIOD) == PERIOD
    assert exhaustion_seconds(Fraction(10**6), bad=1, window=6 * 3600, period=PERIOD) == PERIOD
    assert exhaustion_seconds(Fraction(0), bad=9, window=6 * 3600, period=PERIOD) == 0
    assert exhaustion_seconds(Fraction(-1), bad=9, window=6 * 3600, period=PERIOD) == 0


def test_no_data_is_no_number() -> None:
    assert budget(Decimal("0.995"), 0, 0).remaining_ratio is None
    assert burn_rate(Decimal("0.995"), 0, 0) is None
    assert burn_rate(Decimal(1), 10, 1) is None
    assert budget(Decimal(1), 10, 1).remaining_ratio is None


def test_nothing_rounds() -> None:
    assert budget(Decimal("0.9"), 1, 0).allowed == Fraction(1, 10)
    assert budget(Decimal("0.999"), 3, 0).allowed == Fraction(3, 1000)


@given(OBJECTIVES, COUNTS, COUNTS)
def test_budgets_of_two_halves_add_up(objective: Decimal, eligible: int, bad: int) -> None:
    whole = budget(objective, eligible, bad)
    first, second = budget(objective, eligible // 2, bad // 3), budget(objective, -(-eligible // 2), bad - bad // 3)
    assert first.remaining + second.remaining == whole.remaining


@given(OBJECTIVES.filter(lambda o: o < 1), st.integers(1, 10**9))
def test_burning_at_one_spends_exactly_the_budget(objective: Decimal, eligible: int) -> None:
    allowed = budget(objective, eligible, 0).allowed
    if allowed.denominator == 1:
        assert burn_rate(objective, eligible, int(allowed)) == 1
        assert budget(objective, eligible, int(allowed)).remaining == 0
