"""The options of `generate` that say for which ruler."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from prometheus_rules import target
from prometheus_rules.target import FORMATS, Format, Target, TargetError
from voice_slo_cli.failure import Failure

T = TypeVar("T")

_MEANT_FOR: Mapping[str, Sequence[Format]] = {
    "--target-version": ("prometheus", "operator", "mimir"),
    "--label": ("operator",),
    "--namespace": ("operator",),
    "--namespace-prefix": ("mimir",),
    "--max-groups": ("mimir",),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--format", choices=FORMATS, metavar="|".join(FORMATS), help="whose rule files to write (default: prometheus)")
    add("--target-version", metavar="X.Y", help="leave out what this Prometheus would refuse (default: 2.42)")
    add(
        "--label", action="append", metavar="KEY=VALUE",
        help="label of the PrometheusRule objects, as the operator's ruleSelector wants it; repeatable",
    )  # fmt: skip
    add("--namespace", metavar="NAME", help="namespace of the PrometheusRule objects")
    add(
        "--namespace-prefix", metavar="TEXT",
        help="begin of the Mimir namespaces; the agent's name follows (default: voice-slo-)",
    )  # fmt: skip
    add(
        "--max-groups", metavar="N",
        help="rule groups that Mimir takes of the tenant; above it SLOs share groups (default: 70)",
    )  # fmt: skip


def target_of(given: argparse.Namespace, format_: Format) -> Target:
    """Raises `Failure` for an option that is wrong, or means nothing for this kind of ruler."""
    for option, formats in _MEANT_FOR.items():
        if _value(given, option) is not None and format_ not in formats:
            raise Failure(f"{option} is for --format {' or '.join(formats)}, not {format_}")
    usual = Target()
    return Target(
        format_,
        _read(given, "--target-version", target.version, usual.version),
        _read(given, "--label", lambda texts: dict(map(target.label, texts)), usual.labels),
        _read(given, "--namespace", target.namespace, usual.namespace),
        _read(given, "--namespace-prefix", target.namespace_prefix, usual.namespace_prefix),
        _read(given, "--max-groups", target.most_groups, usual.most_groups),
    )


def words(given: argparse.Namespace) -> list[str]:
    """The options as somebody would type them again."""
    found = []
    for option in ("--format", *_MEANT_FOR):
        value = _value(given, option)
        for each in value if isinstance(value, list) else [value]:
            found += [] if each is None else [option, each]
    return found


def _read(given: argparse.Namespace, option: str, read: Callable[[str], T], usual: T) -> T:
    value = _value(given, option)
    if value is None:
        return usual
    try:
        return read(value)
    except TargetError as error:
        raise Failure(f"{option}: {error}") from None


def _value(given: argparse.Namespace, option: str) -> str | None:
    return vars(given)[option.removeprefix("--").replace("-", "_")]  # type: ignore[no-any-return]
