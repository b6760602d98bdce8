"""Which PromQL means the same in MetricsQL, the language of VictoriaMetrics and vmalert.

An allow-list: what is not known to mean the same is refused. The differences are those of the MetricsQL reference
("implemented differently in MetricsQL") and of VictoriaMetrics' evaluator; docs/outputs.md lists them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import promql_parser
from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    LabelModifierType,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    UnaryExpr,
    VectorMatchCardinality,
    VectorSelector,
)

FUNCTIONS = frozenset("abs ceil clamp_max clamp_min floor scalar sqrt time vector".split())
OVER_TIME = frozenset("count_over_time last_over_time max_over_time min_over_time".split())
"""Of a plain series only, without a sample that lies on the window's older edge, as in Prometheus 3. `rate`,
`increase`, `changes` and the like see the sample before the window there.
"""
SORTING = frozenset("sort sort_desc".split())
"""Of the whole result; inside an expression no order lasts."""
AGGREGATIONS = frozenset("sum min max count group".split())
PICKING = frozenset("topk bottomk".split())
"""Aggregations that keep the labels of what they pick."""
SET_OPERATORS = frozenset("and or unless".split())
COMPARISONS = frozenset("== != > < >= <=".split())
ARITHMETIC = frozenset("+ - * / ^".split())


@lru_cache(1 << 16)
def difference(expr: str) -> str | None:
    """The first thing in `expr` that may mean something else in MetricsQL; None where all means the same.

    Raises `ValueError` where it is no PromQL.
    """
    match promql_parser.parse(expr):
        case Call() as sorting if sorting.func.name in SORTING:
            return _first(*sorting.args)
        case other:
            return _difference(other)


def _difference(node: Expr) -> str | None:
    match node:
        case NumberLiteral():
            return None
        case VectorSelector():
            return _selector(node)
        case ParenExpr():
            return _difference(node.expr)
        case UnaryExpr():
            return None if isinstance(node.expr, NumberLiteral) else "a sign before an expression"
        case Call():
            return _call(node)
        case AggregateExpr():
            return _aggregation(node)
        case BinaryExpr():
            return _binary(node)
        case _:
            return _KINDS.get(type(node).__name__, type(node).__name__)


_KINDS = {"SubqueryExpr": "a subquery", "StringLiteral": "a text", "MatrixSelector": "a range"}


def _selector(node: VectorSelector) -> str | None:
    """A range is wanted whole here; `@` may be any expression there."""
    if node.at is not None:
        return "@"
    if node.offset is not None and node.offset.total_seconds() < 0:
        return "a negative offset"
    if node.matchers.or_matchers:
        return "or between matchers"
    return None if node.name else "a selector without a name"


def _call(node: Call) -> str | None:
    name = node.func.name
    if name in OVER_TIME:
        (series,) = node.args
        return _selector(series.vector_selector) if isinstance(series, MatrixSelector) else f"{name} of a subquery"
    if name not in FUNCTIONS:
        return name
    if name == "scalar" and _holds_dropped(node.args[0]):
        return "scalar of a comparison"
    return _first(*node.args)


def _aggregation(node: AggregateExpr) -> str | None:
    name = str(node.op)
    if name in PICKING:
        return _first(node.param, node.expr)
    return _difference(node.expr) if name in AGGREGATIONS else name


def _binary(node: BinaryExpr) -> str | None:
    operator = str(node.op)
    if operator not in SET_OPERATORS | COMPARISONS | ARITHMETIC:
        return operator
    return _first(node.lhs, node.rhs) or _mixed(node, operator) or _filtered(node, operator)


def _mixed(node: BinaryExpr, operator: str) -> str | None:
    """A vector without labels is a scalar there and meets every series; here it meets none but its like."""
    if operator in SET_OPERATORS or _on(node) is not None:
        return None
    vectors = {_kind(node.lhs), _kind(node.rhs)} - {"scalar"}
    if vectors <= {"bare"} or vectors <= {"labelled"}:
        return None
    return f"{operator} between a vector without labels and one with labels"


def _filtered(node: BinaryExpr, operator: str) -> str | None:
    """What a comparison drops is NaN there until the end, and NaN differs from everything and is false for `bool`."""
    if operator in COMPARISONS and (operator == "!=" or _returns_bool(node)) and _holds_dropped(node.rhs):
        return f"{operator} with a comparison on its right"
    return None


def _first(*nodes: Expr | None) -> str | None:
    return next((found for node in nodes if node is not None and (found := _difference(node))), None)


Kind = Literal["scalar", "bare", "labelled", "mixed"]
"""What an expression gives: `bare` is a vector without labels, `mixed` may hold both sorts."""


def _kind(node: Expr) -> Kind:
    match node:
        case NumberLiteral():
            return "scalar"
        case ParenExpr() | UnaryExpr():
            return _kind(node.expr)
        case Call():
            return _kind_of_call(node)
        case AggregateExpr():
            if str(node.op) in PICKING:
                return _kind(node.expr)
            return "labelled" if node.modifier is not None and node.modifier.labels else "bare"
        case BinaryExpr():
            return _kind_of_binary(node)
        case _:
            return "labelled"


def _kind_of_call(node: Call) -> Kind:
    match node.func.name:
        case "time" | "scalar":
            return "scalar"
        case "vector":
            return "bare"
        case _:
            return _kind(node.args[0])


def _kind_of_binary(node: BinaryExpr) -> Kind:
    left, right = _kind(node.lhs), _kind(node.rhs)
    if str(node.op) == "or":
        return left if left == right else "mixed"
    if _on(node) == [] and node.modifier and node.modifier.card == VectorMatchCardinality.OneToOne:
        return "bare"
    return right if left == "scalar" else left


def _on(node: BinaryExpr) -> list[str] | None:
    """The labels of `on (…)`; None where it is not written."""
    matching = node.modifier and node.modifier.matching
    return list(matching.labels) if matching and matching.type == LabelModifierType.Include else None


def _returns_bool(node: BinaryExpr) -> bool:
    return bool(node.modifier and node.modifier.return_bool)


def _holds_dropped(node: Expr) -> bool:
    """Whether series that a comparison dropped are still there as NaN; arithmetic, `and` and `unless` clear them."""
    match node:
        case BinaryExpr():
            return str(node.op) in COMPARISONS or (str(node.op) == "or" and _holds_dropped(node.rhs))
        case ParenExpr() | UnaryExpr() | AggregateExpr():
            return _holds_dropped(node.expr)
        case Call():
            return any(_holds_dropped(argument) for argument in node.args)
        case _:
            return False
