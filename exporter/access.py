"""Who may send: bearer tokens of a source, compared in constant time."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from pathlib import Path

from exporter.payload import ExporterError

SHORTEST_TOKEN = 16


class TokenFileError(ExporterError):
    """A token file that cannot be used."""


@dataclass(frozen=True, slots=True)
class Access:
    """`tokens` are all that are valid at present; without any, everybody may send."""

    tokens: tuple[bytes, ...] = ()

    def allows(self, authorization: bytes | None) -> bool:
        """Whether an Authorization header carries one of the tokens. Every token is compared, in constant time."""
        if not self.tokens:
            return True
        scheme, _, given = (authorization or b"").partition(b" ")
        found = [hmac.compare_digest(given.strip(), token) for token in self.tokens]
        return scheme.lower() == b"bearer" and any(found)


def read_tokens(path: Path) -> tuple[bytes, ...]:
    """The tokens of a file, one a line; two while one replaces the other. Raises `TokenFileError`."""
    try:
        lines = [line.strip() for line in path.read_bytes().splitlines()]
    except OSError as e:
        raise TokenFileError(f"{path}: cannot be read: {e.strerror}") from None
    tokens = tuple(line for line in lines if line and not line.startswith(b"#"))
    if not tokens:
        raise TokenFileError(f"{path}: holds no token")
    if any(len(token) < SHORTEST_TOKEN for token in tokens):
        raise TokenFileError(f"{path}: a token has to have {SHORTEST_TOKEN} characters or more")
    return tokens
