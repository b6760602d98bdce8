"""The recorded figures that are compared with the truth."""

from __future__ import annotations

from prometheus_rules import slo_series, windows
from prometheus_rules.slo_series import window_name
from voice_slo import names
from voice_slo.spec import Slo, SloFile

KINDS: tuple[names.Kind, ...] = ("eligible", "bad", "bad_callers")
OF_THE_PERIOD = (names.events("eligible", "period"), names.events("bad", "period"), names.REMAINING_RATIO)


def window_lengths(file: SloFile, slo: Slo) -> list[int]:
    """Seconds."""
    (own,) = (series for series in slo_series.of(file) if series.slo == slo)
    return windows.windows(own)


def of_windows(file: SloFile, slo: Slo) -> dict[tuple[names.Kind, int], str]:
    """Kind and seconds → series; callers only where something reads them."""
    lengths = window_lengths(file, slo)
    return {(kind, length): names.events(kind, window_name(length)) for length in lengths for kind in KINDS}
