"""Which budgets of an SLO a test is about: real ones, and such as stand for a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from voice_slo.spec import OTHER, UNKNOWN, Mode, Slo, Target

Budget = Mapping[str, str]
"""The labels of one budget."""
_MOST_LOOKED_AT = 500
"""Label sets; more than an SLO may have."""


@dataclass(frozen=True, slots=True)
class Budgets:
    slo: Slo

    def declared(self, mode: Mode | None = None) -> list[dict[str, str]]:
        """One for every target that differs, in the file's order; `mode`: only those."""
        found: dict[Target, dict[str, str]] = {}
        for labels in self._all():
            target = self.slo.target(labels)
            if mode in (None, target.mode):
                found.setdefault(target, labels)
        return list(found.values())

    def enforced(self, most: int) -> list[dict[str, str]]:
        return list(islice((labels for labels in self._all() if self.slo.enforced(labels)), most))

    def example(self) -> dict[str, str] | None:
        """An enforced budget, with the SLO's own objective if there is one."""
        enforced = self.declared("strict")
        own = [labels for labels in enforced if self.slo.target(labels).objective == self.slo.objective]
        return next(iter(own or enforced), None)

    def any(self) -> dict[str, str]:
        """The example, or a budget in observe mode where there are no others."""
        return self.example() or next(self._all(), {})

    def case(self, name: str) -> dict[str, str] | None:
        """A budget that no SLO file declares, with the target of the example: it stands for a case.

        None where budgets have no segment, or the example's target is for its own value only.
        """
        example = self.example()
        if not example:
            return None
        for label in self.slo.budget_by:
            undeclared = {**example, label: self._free(label, name)}
            if self.slo.target(undeclared) == self.slo.target(example):
                return undeclared
        return None

    @property
    def case_label(self) -> str | None:
        example, case = self.example(), self.case("a-case")
        return next((label for label in case if example and case[label] != example[label]), None) if case else None

    def never_enforced(self) -> list[dict[str, str]]:
        """Declared budgets in observe mode, and what counts as other or unknown."""
        observed = self.declared("observe")
        some = next(self._all(), {})
        strays = [{**some, label: value} for label in self.slo.budget_by[:1] for value in (OTHER, UNKNOWN)]
        return [*observed, *strays]

    def _free(self, label: str, name: str) -> str:
        segment = self.slo.segments[label]
        return f"{name}-" if name in segment.values else name

    def _all(self) -> islice[dict[str, str]]:
        return islice(self.slo.label_sets(), _MOST_LOOKED_AT)
