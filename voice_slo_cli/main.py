"""`voice-slo`: one module per subcommand. Exit codes: 0 fine, 2 usage or invalid input, 3 drift, 1 only a crash."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from types import ModuleType

from exporter.config import ConfigError
from exporter.payload import ExporterError
from exporter.store import StoreError
from voice_slo.diagnostics import VoiceSloError
from voice_slo_cli import check, demo, explain, generate, judge, openslo, payloads, schema, serve, translate
from voice_slo_cli.failure import Failure
from voice_slo_cli.terminal import complain
from voice_slo_cli.version import installed_version

COMMANDS: Mapping[str, ModuleType] = {
    "check": check,
    "schema": schema,
    "generate": generate,
    "serve": serve,
    "translate": translate,
    "judge": judge,
    "explain": explain,
    "openslo": openslo,
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


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; paths may stand on both sides of an option, which argparse leaves over. Exits 2 on its own."""
    top = parser()
    given, rest = top.parse_known_args(argv)
    paths: list[str] | None = getattr(given, "files", getattr(given, "paths", None))
    if rest and (paths is None or any(word.startswith("-") and word != payloads.STDIN for word in rest)):
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    if paths is not None:
        paths.extend(rest)
    return given


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    arguments = parse(argv)
    try:
        return int(COMMANDS[arguments.command].run(arguments))
    except ConfigError as e:
        return complain(*(str(p) for p in e.problems))
    except (Failure, VoiceSloError, ExporterError, StoreError) as e:
        return complain(*str(e).splitlines())
    except BrokenPipeError:
        raise
    except OSError as e:
        return complain(f"{e.filename}: {e.strerror}" if e.filename else f"{e.strerror or e}")


def main() -> None:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # Whoever reads has enough, as `head` does. The interpreter flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


if __name__ == "__main__":
    main()
