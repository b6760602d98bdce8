"""Error budgets in events. Formulas: the SRE workbook, chapter 5, counted in events instead of ratios.

Counts are whole events, objectives exact decimals between 0 and 1, so nothing here rounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Budget:
    """`allowed` = (1 − objective) × eligible events; `remaining` is below 0 once overspent."""

    eligible: int
    bad: int
    allowed: Fraction

    @property
    def remaining(self) -> Fraction:
        return self.allowed - self.bad

    @property
    def remaining_ratio(self) -> Fraction | None:
        """Remaining share of the budget; None while nothing was eligible, or where the objective allows no failure."""
        return self.remaining / self.allowed if self.allowed else None


def budget(objective: Decimal, eligible: int, bad: int) -> Budget:
    """The budget of a period with `eligible` events of which `bad` were bad."""
    return Budget(eligible, bad, (1 - Fraction(objective)) * eligible)


def burn_rate(objective: Decimal, eligible: int, bad: int) -> Fraction | None:
    """Share of bad events over the share that the objective allows; 1 spends exactly the budget in one period.

    None while nothing was eligible, or where the objective allows no failure.
    """
    allowed = 1 - Fraction(objective)
    return Fraction(bad, eligible) / allowed if eligible and allowed else None


def exhaustion_seconds(remaining: Fraction, bad: int, window: int, period: int) -> Fraction:
    """Seconds until the budget is gone at the pace of the last `window` seconds, in which `bad` events were bad.

    remaining / (bad / window), at most `period` (also where nothing was bad), 0 once the budget is spent.
    """
    if remaining <= 0:
        return Fraction(0)
    return min(remaining * window / bad, Fraction(period)) if bad else Fraction(period)
