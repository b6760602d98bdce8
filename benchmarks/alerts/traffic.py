"""Calls per minute: three profiles with a day and a night, in bursts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

DAY = 1440
"""Minutes."""
PEAK = 13 * 60
BURST = 10
"""Minutes that a burst lasts."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Calls an hour at night and at the peak; `burst`: sigma of the lognormal factor, whose mean is 1."""

    name: str
    night: float
    peak: float
    burst: float

    def rate(self, minutes: int) -> NDArray[np.float64]:
        """Expected calls in each minute from midnight on; over a day 3/8 of the peak's on average."""
        hour = 2 * np.pi * (np.arange(minutes) - PEAK) / DAY
        shape = ((1 + np.cos(hour)) / 2) ** 2
        return (self.night + (self.peak - self.night) * shape) / 60

    def calls(self, minutes: int, random: np.random.Generator) -> Counts:
        """Calls that start in each minute."""
        factors = np.exp(random.normal(-(self.burst**2) / 2, self.burst, -(-minutes // BURST)))
        calls: Counts = random.poisson(self.rate(minutes) * np.repeat(factors, BURST)[:minutes])
        return calls


TINY = Profile("tiny", 0.3, 12, 0.5)
SMALL = Profile("small", 1, 60, 0.5)
SPIKY = Profile("spiky", 3, 600, 1.0)
PROFILES = (TINY, SMALL, SPIKY)
