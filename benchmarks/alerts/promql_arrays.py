"""PromQL over arrays: the part that burn alerts are written in.

A value is an array of (label sets, moments) in which NaN stands for absent, or one number. All series have the same
label sets, so two of them match row by row; an aggregation leaves one row.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import promql_parser
from numpy.typing import NDArray

Array = NDArray[np.float64]
Operation = Callable[[Array, Array], Array]

_ARITHMETIC: Mapping[str, Operation] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
}
_COMPARISONS: Mapping[str, Callable[[Array, Array], NDArray[np.bool_]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class NotSupported(Exception):
    """An expression beyond what is evaluated here."""


Moments = NDArray[np.intp] | None
"""Those that are asked for; None for all."""
Read = Callable[[str, Moments], Array]
"""The series of a name at some moments, a row for each label set."""


@dataclass(frozen=True, slots=True)
class Series:
    labels: Sequence[Mapping[str, str]]
    read: Read
    at: Moments = None

    def values(self, name: str) -> Array:
        return self.read(name, self.at)


Evaluate = Callable[[Series], Array]


def compiled(expr: str) -> Evaluate:
    """Raises `NotSupported`. The parser's nodes are read once: each look at one copies what is below it."""
    evaluate = _compiled(promql_parser.parse(expr))

    def quietly(series: Series) -> Array:
        with np.errstate(all="ignore"):
            return evaluate(series)

    return quietly


def _compiled(node: promql_parser.Expr) -> Evaluate:
    match node:
        case promql_parser.ParenExpr():
            return _compiled(node.expr)
        case promql_parser.NumberLiteral():
            number = np.array([[node.val]])
            return lambda series: number
        case promql_parser.VectorSelector():
            return _selector(node)
        case promql_parser.BinaryExpr():
            return _binary(node)
        case promql_parser.AggregateExpr() if str(node.op) == "sum" and _by_the_slo(node.modifier):
            summed = _compiled(node.expr)
            return lambda series: _sum(summed(series))
        case promql_parser.Call() if node.func.name == "sqrt":
            (root,) = (_compiled(argument) for argument in node.args)
            return lambda series: np.sqrt(root(series))
    raise NotSupported(node.prettify())


def _selector(node: promql_parser.VectorSelector) -> Evaluate:
    if node.offset is not None or node.at is not None or not node.name:
        raise NotSupported(node.prettify())
    name, wanted = node.name, [_matcher(m) for m in node.matchers.matchers if m.name not in ("agent", "slo")]
    if not wanted:
        return lambda series: series.values(name)

    def matched(series: Series) -> Array:
        rows = np.array([[all(wants(labels) for wants in wanted)] for labels in series.labels])
        return np.where(rows, series.values(name), np.nan)

    return matched


def _matcher(matcher: promql_parser.Matcher) -> Callable[[Mapping[str, str]], bool]:
    name, value = matcher.name, matcher.value
    match matcher.op:
        case promql_parser.MatchOp.Equal:
            return lambda labels: labels.get(name, "") == value
        case promql_parser.MatchOp.Re:
            return lambda labels: re.fullmatch(value, labels.get(name, "")) is not None
    raise NotSupported(str(matcher))


def _binary(node: promql_parser.BinaryExpr) -> Evaluate:
    sign, left, right = str(node.op), _compiled(node.lhs), _compiled(node.rhs)
    if node.modifier is not None and (node.modifier.return_bool or node.modifier.matching):
        raise NotSupported(node.prettify())
    if sign == "and":
        return lambda series: _and(left(series), right, series)
    if sign == "or":
        return lambda series: _either(*_paired(left(series), right(series)))
    if sign == "unless":
        return lambda series: _where(np.isnan, *_paired(left(series), right(series)))
    if sign in _ARITHMETIC:
        arithmetic = _ARITHMETIC[sign]
        return lambda series: arithmetic(*_paired(left(series), right(series)))
    if sign in _COMPARISONS:
        return lambda series: _filter(_COMPARISONS[sign], *_paired(left(series), right(series)))
    raise NotSupported(sign)


def _and(left: Array, right: Evaluate, series: Series) -> Array:
    """The right side only where the left is present: there are few such moments, and a month has 43,200."""
    present = np.flatnonzero(~np.isnan(left).all(axis=0))
    kept = np.full_like(left, np.nan)
    if present.size:
        at = present if series.at is None else series.at[present]
        found = right(Series(series.labels, series.read, at))
        kept[:, present] = _where(_is_present, *_paired(left[:, present], found))
    return kept


def _either(left: Array, right: Array) -> Array:
    return np.where(np.isnan(left), right, left)


def _where(condition: Callable[[Array], NDArray[np.bool_]], left: Array, right: Array) -> Array:
    return np.where(condition(right), left, np.nan)


def _is_present(values: Array) -> NDArray[np.bool_]:
    return ~np.isnan(values)


def _filter(compare: Callable[[Array, Array], NDArray[np.bool_]], left: Array, right: Array) -> Array:
    return np.where(compare(left, right), left, np.nan)


def _sum(values: Array) -> Array:
    total = np.nansum(values, axis=0, keepdims=True)
    return np.where(np.isnan(values).all(axis=0, keepdims=True), np.nan, total)


def _paired(left: Array, right: Array) -> tuple[Array, Array]:
    """Numpy would pair one row with all; Prometheus matches label sets."""
    if left.shape[0] != right.shape[0] and left.size > 1 and right.size > 1:
        raise NotSupported(f"{left.shape[0]} label sets with {right.shape[0]}")
    return left, right


def _by_the_slo(modifier: promql_parser.AggModifier | None) -> bool:
    return (
        modifier is not None
        and modifier.type == promql_parser.AggModifierType.By
        and set(modifier.labels) == {"agent", "slo"}
    )
