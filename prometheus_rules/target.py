"""For whom rules are written: the kind of ruler, its version, and what it wants to know beside the rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from voice_slo.diagnostics import VoiceSloError, shown

Format = Literal["prometheus", "operator", "mimir", "vmalert"]
FORMATS: tuple[Format, ...] = get_args(Format)
Version = tuple[int, int]

OLDEST: Version = (2, 26)
"""`last_over_time` came with it."""
USUAL: Version = (2, 42)
KEEP_FIRING: Version = (2, 42)
"""An older Prometheus refuses the whole rule file for the field `keep_firing_for`."""
MOST_GROUPS = 70
"""Per tenant: the default limit of Mimir and Grafana Cloud."""

_VERSION = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})(?:\.[0-9]{1,4})?", re.ASCII)
_LABEL_NAME = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)"
_DNS_NAME = r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
_LABEL = re.compile(rf"(?:{_DNS_NAME}/)?{_LABEL_NAME}={_LABEL_NAME}?", re.ASCII)
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}", re.ASCII)


class TargetError(VoiceSloError, ValueError):
    """A target that there is not, or that no rules can be written for; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Target:
    """`version` of Prometheus, or of the PromQL that Mimir has. `labels` and `namespace`: of PrometheusRule objects.

    `namespace_prefix`: what the names of Mimir namespaces begin with; the agent's name follows. `most_groups`: what
    Mimir allows the tenant.
    """

    format: Format = "prometheus"
    version: Version = USUAL
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    namespace_prefix: str = "voice-slo-"
    most_groups: int = MOST_GROUPS

    @property
    def keeps_firing(self) -> bool:
        """Whether rules may say `keep_firing_for`. What vmalert takes does not hang on a version of Prometheus."""
        return self.format == "vmalert" or self.version >= KEEP_FIRING


def version(text: str) -> Version:
    """`2.42` → (2, 42); a patch level is left out. Raises `TargetError`, also where it is too old."""
    match = _VERSION.fullmatch(text)
    if not match:
        raise TargetError(f"{shown(text)} is not a version of Prometheus such as 2.42 or 3.5")
    found = int(match[1]), int(match[2])
    if found < OLDEST:
        raise TargetError(f"Prometheus {text} is too old: the rules need {OLDEST[0]}.{OLDEST[1]} or newer")
    return found


def most_groups(text: str) -> int:
    """Raises `TargetError`."""
    if not re.fullmatch("[1-9][0-9]{0,5}", text, re.ASCII):
        raise TargetError(f"{shown(text)} is not a number of groups such as 70")
    return int(text)


def label(text: str) -> tuple[str, str]:
    """`release=monitoring`, as Kubernetes takes labels. Raises `TargetError`."""
    if not _LABEL.fullmatch(text):
        raise TargetError(f"{shown(text)} is not a Kubernetes label such as release=monitoring")
    key, _, value = text.partition("=")
    return key, value


def namespace(text: str) -> str:
    """A Kubernetes namespace. Raises `TargetError`."""
    if not _NAMESPACE.fullmatch(text):
        raise TargetError(f"{shown(text)} is not the name of a Kubernetes namespace")
    return text


def namespace_prefix(text: str) -> str:
    """Raises `TargetError` for what would not stand in an address as it is."""
    if not _PREFIX.fullmatch(text):
        raise TargetError(f"{shown(text)} is not a prefix such as voice-slo-: letters, digits and _ . : - only")
    return text
