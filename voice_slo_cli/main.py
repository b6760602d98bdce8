"""`voice-slo`: one module per subcommand. Exit codes: 0 fine, 2 usage or invalid input, 3 drift, 1 only a crash."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from io import TextIOWrapper
from types import ModuleType

from voice_slo.diagnostics import VoiceSloError
from voice_slo_cli import payloads
from voice_slo_cli.failure import Failure
from voice_slo_cli.terminal import complain
from voice_slo_cli.version import installed_version


class Commands(Mapping[str, ModuleType]):
    """Name → module, imported when it is asked for: all of them together take longer than most commands."""

    _NAMES = ("check", "schema", "generate", "serve", "translate", "judge", "explain", "openslo", "demo")

    def __getitem__(self, name: str) -> ModuleType:
        if name not in self._NAMES:
            raise KeyError(name)
        return importlib.import_module(f"voice_slo_cli.{name}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._NAMES)

    def __len__(self) -> int:
        return len(self._NAMES)


COMMANDS = Commands()


def parser(given: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The command line of the command that `given` begins with, else of all; each adds its own arguments."""
    top = argparse.ArgumentParser(
        prog="voice-slo", description="SLOs for voice agents on the Prometheus and Grafana you already run."
    )
    top.add_argument("--version", action="version", version=f"voice-slo {installed_version()}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in [*given][:1] if given and given[0] in tuple(COMMANDS) else COMMANDS:
        module = COMMANDS[name]
        sub = commands.add_parser(name, help=module.HELP, description=module.__doc__)
        module.arguments(sub)
    return top


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; paths may stand on both sides of an option, which argparse leaves over. Exits 2 on its own."""
    words = sys.argv[1:] if argv is None else argv
    top = parser(words)
    given, rest = top.parse_known_args(words)
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
    except (Failure, VoiceSloError) as e:
        return complain(*str(e).splitlines())
    except BrokenPipeError:
        raise
    except OSError as e:
        return complain(f"{e.filename}: {e.strerror}" if e.filename else f"{e.strerror or e}")
    except _of_the_exporter() as e:
        return complain(*str(e).splitlines())


def _of_the_exporter() -> tuple[type[Exception], ...]:
    """Looked up when something was raised, so that commands without the exporter do not load it."""
    from exporter.payload import ExporterError  # noqa: PLC0415
    from exporter.store import StoreError  # noqa: PLC0415

    return ExporterError, StoreError


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
