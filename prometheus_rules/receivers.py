"""Who is told of an alert: the receivers of an Alertmanager fragment, by their role."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from prometheus_rules.enabled_alerts import EnabledAlert
from voice_slo.spec import SloFile

_DIGITS = 6
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Receivers:
    """`owner`: of the SLO file."""

    agent: str
    owner: str

    def of(self, alert: EnabledAlert) -> tuple[str, ...]:
        """The receivers of an alert, in the order of the routes. Where there are two, the time of day decides."""
        if alert.severity == "info":
            return (self.info,)
        if alert.severity == "ticket":
            return (self.tickets(alert.owner),)
        if alert.page_hours == "business":
            return (self.pager(alert.owner), self.tickets(alert.owner))
        return (self.pager(alert.owner),)

    @property
    def info(self) -> str:
        """Signals for whoever decides over releases. Never a pager."""
        return f"voice-slo:{self.agent}:info"

    def pager(self, owner: str) -> str:
        return f"voice-slo:{self.agent}:{_word(owner)}:pager"

    def tickets(self, owner: str) -> str:
        return f"voice-slo:{self.agent}:{_word(owner)}:tickets"


def of(slo_file: SloFile) -> Receivers:
    return Receivers(slo_file.agent, slo_file.owner)


def _word(owner: str) -> str:
    """A to z, 0 to 9 and `-`. Where that loses something, a digest keeps two owners apart."""
    plain = unicodedata.normalize("NFKD", owner).encode("ascii", "ignore").decode().lower()
    word = _NOT_IN_NAMES.sub("-", plain).strip("-")
    if word == owner:
        return word
    digest = hashlib.sha256(owner.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
    return f"{word}-{digest}".lstrip("-")
