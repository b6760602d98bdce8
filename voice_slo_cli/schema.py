"""Print the JSON Schema of SLO files, for an editor: completion, help and mistakes while you type."""

from __future__ import annotations

import argparse
import json

from voice_slo.schema import schema
from voice_slo_cli.terminal import EXIT_OK

HELP = "print the JSON Schema of SLO files, for editors"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None: the schema is that of this version."""


def run(_: argparse.Namespace) -> int:
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return EXIT_OK
