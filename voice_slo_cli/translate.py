"""Vendor payloads as one stream → canonical events, NDJSON on stdout. What was left out is told on stderr."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

from exporter import config as exporter_config
from exporter.payload import InvalidPayload, Limits, TooLarge
from exporter.privacy import KEY_BYTES, load_or_create_key, protect
from exporter.sources import SOURCES
from exporter.sources.translation import SourceSettings, Translated
from voice_slo.events import encode
from voice_slo_cli import payloads
from voice_slo_cli.failure import Failure
from voice_slo_cli.terminal import EXIT_INVALID, EXIT_OK, say, write_lines

HELP = "vendor payloads → canonical events"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", required=True, choices=sorted(SOURCES), metavar="NAME",
                        help=f"who wrote the payloads: {', '.join(sorted(SOURCES))}")  # fmt: skip
    parser.add_argument("--config", metavar="FILE", help="exporter configuration: mapping and caller key of the source")
    parser.add_argument("files", nargs="*", metavar="FILE", help="payloads; - or nothing: stdin")


def run(given: argparse.Namespace) -> int:
    settings, limits, key = _context(given.config, given.source)
    translate = SOURCES[given.source]
    refused = False
    for file in given.files or [payloads.STDIN]:
        try:
            ((name, data),) = payloads.read([file])
            translated = translate(data, settings, limits)
        except (Failure, InvalidPayload, TooLarge) as e:
            say(str(e) if isinstance(e, Failure) else f"{name}: {e}", "red")
            refused = True
            continue
        write_lines(encode(event) for event in protect(translated, key).events)
        refused |= _report(name, translated)
    return EXIT_INVALID if refused else EXIT_OK


def _context(path: str | None, source: str) -> tuple[SourceSettings, Limits, bytes]:
    """Mapping, limits and caller key. Without a configuration callers are hashed with a key of this run only."""
    whole = replace(Limits(), body=payloads.LARGEST, decompressed=payloads.LARGEST, batch=10_000_000)
    if path is None:
        return SourceSettings(), whole, os.urandom(KEY_BYTES)
    config = exporter_config.parse(path, Path(path).read_bytes())
    if source not in config.sources:
        raise Failure(f"{path}: sources: no {source}; configured: {', '.join(sorted(config.sources)) or 'none'}")
    key = load_or_create_key(Path(config.caller_key_file)) if Path(config.caller_key_file).parent.is_dir() else None
    return config.sources[source].settings, whole, key or os.urandom(KEY_BYTES)


def _report(name: str, translated: Translated) -> bool:
    """Tell what was left out; whether anything was rejected."""
    for rejection in translated.rejected:
        field = f"{rejection.field}: " if rejection.field else ""
        say(f"{name}: item {rejection.index}: {field}{rejection.error}", "red")
    for reason, count in sorted(translated.dropped.items()):
        say(f"{name}: {count} set aside: {reason}", "yellow")
    if translated.unmapped_end_reasons:
        say(f"{name}: {translated.unmapped_end_reasons} end reasons in no table", "yellow")
    return bool(translated.rejected)
