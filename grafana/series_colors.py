"""Each SLO keeps one colour in every graph. None of them is the red or green that means a verdict elsewhere."""

from __future__ import annotations

from grafana.panels import Json, series_override
from voice_slo.spec import SloFile

_PALETTE = (
    "#5794f2", "#ff9830", "#b877d9", "#37b7c3", "#e0b400", "#ff7383", "#a16946", "#8f8f8f", "#3274d9", "#c4162a",
)  # fmt: skip


def slo_colors(slo_file: SloFile) -> list[Json]:
    """Overrides for series whose legend is the SLO's name, alone or followed by a space and more."""
    return [
        series_override(f"/^{slo.name}( |$)/", {"color": {"fixedColor": _PALETTE[i % len(_PALETTE)], "mode": "fixed"}})
        for i, slo in enumerate(slo_file.slos)
    ]
