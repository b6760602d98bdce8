"""SLO file → Prometheus recording rules and burn-rate alerts. Pure: returns the files, writes none."""

from prometheus_rules.outputs import generate, render

__all__ = ["generate", "render"]
