"""Row "SLO health": are callers affected, which SLO spends its budget, may we release, is the data fresh."""

from __future__ import annotations

from collections.abc import Sequence

from grafana import health_expressions as expressions
from grafana.panels import (
    BLUE,
    GREEN,
    GREY,
    LOWEST,
    ORANGE,
    RED,
    YELLOW,
    Column,
    Frame,
    Json,
    Place,
    Query,
    Word,
    stat,
    table,
    timeseries,
)
from grafana.scope import Scope
from grafana.series_colors import slo_colors
from grafana.words import CALLERS, COLLECTING, IDLE, RELEASE_STATES
from voice_slo import names
from voice_slo.quantities import prometheus_duration
from voice_slo.spec import SloFile

TITLE = "SLO health"


def panels(scope: Scope, slo_file: SloFile) -> list[Json]:
    return [
        _affected(scope, slo_file),
        _scrape_age(scope),
        _event_age(scope),
        _affected_by_slo(scope, slo_file),
        _release(scope),
        _forecast(scope, slo_file),
        _budgets(scope, slo_file),
        _compliance(scope),
        _burn_down(scope, slo_file),
        _failures(scope),
        _excluded(scope),
    ]


_AFFECTED_TEXT = (
    "YES: a burn-rate page fires, or at least 3 different callers failed in the last 15 minutes and the failures reach "
    "the page's threshold. SOME: failures are above what an objective allows. NO: calls come in and every objective "
    "holds. NO CALLS: nothing was judged. Grey without a word: no data."
)


def _affected(scope: Scope, slo_file: SloFile) -> Json:
    return stat(
        Frame(
            101,
            "Callers affected now?",
            f"The worst SLO and segment of the last 15 minutes. {_AFFECTED_TEXT}",
            Place(0, 0, 6, 6),
        ),
        [Query(expressions.affected(scope, slo_file, ""))],
        words=CALLERS,
    )


def _scrape_age(scope: Scope) -> Json:
    return stat(
        Frame(
            102,
            "Exporter last seen",
            "Time since Prometheus last read this agent's counters from the exporter. From 2 minutes on everything "
            "else on this page is old. No data: not seen for a day.",
            Place(6, 0, 4, 3),
        ),
        [Query(expressions.scrape_age(scope))],
        unit="s",
        steps=((None, GREY), (LOWEST, GREEN), (120, ORANGE), (300, RED)),
    )


def _event_age(scope: Scope) -> Json:
    return stat(
        Frame(
            103,
            "Last event received",
            "Time since the newest accepted event of each source of the exporter that serves this agent. It grows "
            "through a quiet night, so it has no alarm colour; compare it with the calls you expect.",
            Place(6, 3, 4, 3),
        ),
        [Query(expressions.event_age(scope), "{{source}}")],
        unit="s",
        steps=((None, GREY), (LOWEST, BLUE)),
        named=True,
        background=False,
    )


def _affected_by_slo(scope: Scope, slo_file: SloFile) -> Json:
    callers, bad, judged = expressions.gone_bad(scope)
    return table(
        Frame(
            104,
            "Last 15 minutes by SLO",
            f"Whom it hits. {_AFFECTED_TEXT} A caller with several failures within 15 minutes counts once.",
            Place(14, 0, 10, 6),
        ),
        [Query(expressions.affected(scope, slo_file, "slo")), Query(callers), Query(bad), Query(judged)],
        [
            Column("slo", "SLO"),
            Column("A", "Affected", width=105, cell="color-background", words=CALLERS),
            Column("B", "Failing callers", unit="locale", width=110),
            Column("C", "Failed", unit="locale", width=75),
            Column("D", "of judged", unit="locale", width=85),
        ],
        sort="Affected",
        descending=True,
    )


_STATES_TEXT = (
    "Healthy: every change may go out. Watch: the owner reviews risky changes. Freeze: no risky change. Exhausted: "
    "only fixes. Collecting: too few events for a verdict. Idle: nothing was eligible in the period. Observed only: "
    "shown, never blocks. Unknown: the rules run but there is no state; the release policy says what then holds."
)


def _release(scope: Scope) -> Json:
    return table(
        Frame(
            105,
            "Release state by SLO",
            f"The worst state of the last hour among each SLO's enforced budgets; the release gate reads the same "
            f"series. {_STATES_TEXT}",
            Place(0, 6, 8, 10),
        ),
        [Query(expressions.release_state(scope))],
        [
            Column("slo", "SLO"),
            Column("A", "State", width=105, cell="color-background", words=RELEASE_STATES),
            Column("owner", "Owner", width=130),
        ],
        sort="State",
        descending=True,
    )


def _whole_periods(slo_file: SloFile) -> list[Word]:
    periods = sorted({slo.period for slo in slo_file.slos})
    return [Word(period, f"{prometheus_duration(period)} or more", GREEN) for period in periods]


def _forecast(scope: Scope, slo_file: SloFile) -> Json:
    return stat(
        Frame(
            106,
            "Next budget gone in",
            "Time until the first enforced budget is spent, if failures go on at the pace of the last 6 hours. It is "
            "capped at the period and ignores failures that leave the rolling period meanwhile.",
            Place(10, 0, 4, 6),
        ),
        [Query(expressions.next_exhaustion(scope), "{{budget}}")],
        unit="s",
        named=True,
        words=[
            *_whole_periods(slo_file),
            Word(0, "Spent", RED),
            Word(COLLECTING, "Collecting", BLUE),
            Word(IDLE, "Idle", GREY),
        ],
        steps=((None, GREY), (0, RED), (86400, ORANGE), (3 * 86400, YELLOW), (7 * 86400, GREEN)),
    )


def _budgets(scope: Scope, slo_file: SloFile) -> Json:
    state, remaining, left, seconds = expressions.budgets(scope, slo_file)
    return table(
        Frame(
            107,
            "Error budget left, over each SLO's period",
            "Every budget on its own: an SLO and its segment. Failures left of those that the objective allows at the "
            "period's traffic so far, below 0 once overspent. Gone in: at the pace of the last 6 hours, capped at the "
            f"period. {_STATES_TEXT}",
            Place(8, 6, 16, 10),
        ),
        [Query(state), Query(remaining), Query(left), Query(seconds)],
        [
            Column("budget", "Budget"),
            Column("A", "State", width=95, cell="color-background", words=RELEASE_STATES),
            Column(
                "B",
                "Left",
                unit="percentunit",
                width=130,
                cell="basic",
                decimals=0,
                limits=(-1, 1),
                steps=((None, GREY), (LOWEST, RED), (0, ORANGE), (0.2, YELLOW), (0.5, GREEN)),
            ),
            Column("left", "Failures left", width=140),
            Column("D", "Gone in", unit="s", width=100, words=[*_whole_periods(slo_file), Word(0, "spent", RED)]),
        ],
        sort="Left",
    )


def _compliance(scope: Scope) -> Json:
    sli, objective, margin, judged = expressions.compliance(scope)
    return table(
        Frame(
            108,
            "SLI against objective, over each SLO's period",
            "Share of good units among those judged, exact in events, beside the objective of that segment. "
            "Points: SLI minus objective; below 0 the objective is missed. An empty cell: nothing was judged.",
            Place(0, 16, 12, 12),
        ),
        [Query(sli), Query(objective), Query(margin), Query(judged)],
        [
            Column("budget", "Budget"),
            Column("A", "SLI", unit="percentunit", width=90, decimals=2),
            Column("B", "Objective", unit="percentunit", width=90, decimals=2),
            Column(
                "C",
                "Points",
                unit="percentunit",
                width=85,
                decimals=2,
                cell="color-text",
                steps=((None, GREY), (LOWEST, RED), (0, GREEN)),
            ),
            Column("D", "Judged", unit="locale", width=90),
        ],
        sort="Points",
    )


def _burn_down(scope: Scope, slo_file: SloFile) -> Json:
    return timeseries(
        Frame(
            109,
            "Budget left over time: the worst enforced budget of each SLO",
            "Share of the period's error budget that is left; 0 is spent, below 0 overspent. The period rolls, so the "
            "line also rises when old failures leave it. Lines at 50 % (watch), 20 % (freeze) and 0. A gap: collecting "
            "or no data.",
            Place(0, 28, 24, 9),
        ),
        [Query(expressions.worst_budget(scope), "{{slo}}")],
        unit="percentunit",
        decimals=0,
        steps=_policy_lines(),
        soft=(-0.1, 1),
        overrides=slo_colors(slo_file),
    )


def _policy_lines() -> Sequence[tuple[float | None, str]]:
    return ((None, "transparent"), (0, RED), (0.2, ORANGE), (0.5, YELLOW))


def _failures(scope: Scope) -> Json:
    raw, excluded, counted, unknown = expressions.failures(scope)
    return table(
        Frame(
            110,
            "Failures of the last day: raw, and those that count",
            "Raw failures minus excluded ones are the failures that count against the budget. Only what the SLO file "
            "lists as an exclusion is left out, each with its reason in the table below. Unknown: a deciding fact "
            "never came; neither good nor bad.",
            Place(12, 16, 12, 6),
        ),
        [Query(raw), Query(excluded), Query(counted), Query(unknown)],
        [
            Column("slo", "SLO"),
            Column("A", "Raw", unit="locale", width=80),
            Column("B", "− excluded", unit="locale", width=100),
            Column("C", "= counted", unit="locale", width=90),
            Column("D", "Unknown", unit="locale", width=90),
        ],
        sort="Raw",
        descending=True,
    )


def _excluded(scope: Scope) -> Json:
    return table(
        Frame(
            111,
            "Excluded failures of the last day, by reason",
            "Failures that the SLO file's exclusions, outages and the catalog's own exclusions kept out of the budget: "
            f"`{names.EXCLUDED.name}` with the verdict bad. Good units that were excluded are not in it.",
            Place(12, 22, 12, 6),
        ),
        [Query(expressions.excluded_by_reason(scope))],
        [
            Column("slo", "SLO"),
            Column("reason", "Reason", width=240),
            Column("A", "Failures", unit="locale", width=90),
        ],
        sort="Failures",
        descending=True,
    )
