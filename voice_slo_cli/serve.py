"""Run the exporter: telemetry in, SLI counters out."""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

from exporter import config as exporter_config
from exporter.server import HttpServer
from exporter.service import Service
from voice_slo.spec import SloFile
from voice_slo_cli import slo_files
from voice_slo_cli.failure import Failure
from voice_slo_cli.terminal import EXIT_OK, say
from voice_slo_cli.version import installed_version

HELP = "run the exporter"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, metavar="FILE", help="exporter configuration")


def run(given: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = exporter_config.parse(given.config, Path(given.config).read_bytes())

    def load_files() -> Sequence[SloFile]:
        try:
            return slo_files.read(config.slos).files
        except Failure as e:
            # What a reload knows how to survive.
            raise FileNotFoundError(str(e)) from None

    service = Service(config, load_files, now_us, installed_version(), f"voice-slo serve, pid {os.getpid()}")
    try:
        service.start()
        server = HttpServer(service.app)
        address = server.bind(config.listen.host, config.listen.port)
        service.lock.describe(f"voice-slo serve, pid {os.getpid()}, http://{address}/")
        say(f"listening on http://{address}/")
        server.serve(on_hangup=lambda: _reload(service))
    finally:
        service.stop()
    say("stopped; everything acknowledged is on disk")
    return EXIT_OK


def now_us() -> int:
    return time.time_ns() // 1_000


def _reload(service: Service) -> None:
    problem = service.reload()
    say("SLO files reloaded" if problem is None else f"reload failed, the old SLOs stay in force:\n{problem}")
