"""`voice-slo`: one module per subcommand. Exit codes: 0 fine, 2 usage or invalid input, 3 drift, 1 only a crash."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

from exporter.config import ConfigError
from exporter.payload import ExporterError
from exporter.store import StoreError
from voice_slo.diagnostics import VoiceSloError
from voice_slo_cli import check, demo, explain, generate, judge, serve, translate
from voice_slo_cli.failure import Failure
from voice_slo_cli.terminal import complain
from voice_slo_cli.version import installed_version

COMMANDS: Mapping[str, ModuleType] = {
    "check": check,
    "generate": generate,
    "serve": serve,
    "translate": translate,
    "judge": judge,
    "explain": explain,
    "demo": demo,
}


def parser() -> argparse.ArgumentParser:
    """The whole command line; each module of `COMMANDS` adds its own arguments."""
    top = argparse.ArgumentParser(
        prog="voice-slo", description="SLOs for voice agents on the Prometheus and Grafana you already run."
    )
    top.add_argument("--version", action="version", version=f"voice-slo {installed_version()}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        sub = commands.add_parser(name, help=module.HELP, description=module.__doc__)
        module.arguments(sub)
    return top


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    arguments = parser().parse_args(argv)
    try:
        return int(COMMANDS[arguments.command].run(arguments))
    except ConfigError as e:
        return complain(*(str(p) for p in e.problems))
    except (Failure, VoiceSloError, ExporterError, StoreError) as e:
        return complain(*str(e).splitlines())
    except OSError as e:
        return complain(f"{e.filename}: {e.strerror}" if e.filename else f"{e.strerror or e}")


def main() -> None:
    try:
        code = run()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code)


if __name__ == "__main__":
    main()
