"""SLO file → Prometheus recording rules and burn-rate alerts. Pure: returns the files, writes none."""

from prometheus_rules.rule_files import generate

__all__ = ["generate"]
