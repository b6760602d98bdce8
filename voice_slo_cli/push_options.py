"""The options of `generate --push`: where the ruler is, and how it lets us in. Secrets come from files or variables."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from voice_slo_cli.failure import Failure

TOKEN, PASSWORD = "VOICE_SLO_MIMIR_TOKEN", "VOICE_SLO_MIMIR_PASSWORD"
_ONLY_WITH_PUSH = ("url", "tenant", "token_file", "user", "password_file", "prune")
_TENANT = re.compile(r"[A-Za-z0-9!_.*'()|-]{1,150}", re.ASCII)
_SECRET = re.compile(r"[!-~]{1,8192}", re.ASCII)
"""What a header can carry as it is."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where the ruler is and how it lets us in. `user` empty: `secret` is a bearer token."""

    url: str
    tenant: str = ""
    user: str = ""
    secret: str = field(default="", repr=False)


def arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--push", choices=["mimir"], metavar="mimir", help="write no files: send the rules to Mimir's ruler instead")
    add("--url", metavar="URL", help="of Mimir or Grafana Cloud, such as https://mimir.example.com")
    add("--tenant", metavar="ID", help="sent as X-Scope-OrgID")
    add("--token-file", metavar="FILE", help=f"bearer token; or the variable {TOKEN}")
    add("--user", metavar="NAME", help="for basic authentication, as Grafana Cloud wants it")
    add("--password-file", metavar="FILE", help=f"password of --user; or the variable {PASSWORD}")
    add("--prune", action="store_true", help="also delete our groups of agents that have no SLO file any more")


def refuse_without_push(given: argparse.Namespace) -> None:
    """Raises `Failure` for an option that would do nothing."""
    for name in _ONLY_WITH_PUSH:
        if vars(given)[name]:
            raise Failure(f"--{name.replace('_', '-')} is for --push mimir")


def access(given: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Access:
    """Raises `Failure` for what is wrong or missing; a secret is never in the message."""
    if not given.url:
        raise Failure("--push mimir needs --url")
    if given.tenant and not _TENANT.fullmatch(given.tenant):
        raise Failure("--tenant is not the id of a Mimir tenant")
    if given.user and given.token_file:
        raise Failure("--user and --token-file are two ways to the same: give one")
    if given.password_file and not given.user:
        raise Failure("--password-file needs --user")
    if given.user and (":" in given.user or not _SECRET.fullmatch(given.user)):
        raise Failure("--user is not a name that basic authentication can carry")
    file, variable = (given.password_file, PASSWORD) if given.user else (given.token_file, TOKEN)
    secret = _secret(file, variable, environment)
    if given.user and not secret:
        raise Failure(f"--user needs --password-file or the variable {PASSWORD}")
    return Access(address(given.url), given.tenant or "", given.user or "", secret)


def address(text: str) -> str:
    """The address as it is asked, without a slash at its end. Raises `Failure` for what is none."""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not re.fullmatch(r"[!-~]+", text):
        raise Failure("--url is not an address such as https://mimir.example.com")
    if parts.username is not None or parts.password is not None:
        raise Failure("--url holds a user or password: give them by --user and --password-file")
    if parts.query or parts.fragment:
        raise Failure("--url has a query or fragment: give the address of Mimir alone")
    return text.rstrip("/").removesuffix("/prometheus")


def _secret(file: str | None, variable: str, environment: Mapping[str, str]) -> str:
    text = Path(file).read_bytes()[:16384].decode("latin-1").strip() if file else environment.get(variable, "").strip()
    if (text or file) and not _SECRET.fullmatch(text):
        raise Failure(f"{file or variable}: is not a secret on one line of plain characters")
    return text
