"""SLO file → promtool unit tests that prove its alerts. Pure: returns the files, writes none."""

from prometheus_rules.rule_tests.test_files import generate

__all__ = ["generate"]
