"""One HTTP request as the handlers see it: headers, the bounded body, and why it may be refused."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from exporter.payload import ExporterError, InvalidPayload, Limits, TooLarge

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Header = tuple[bytes, bytes]

MAX_GZIP_MEMBERS = 16
"""Every member costs a copy of the rest: a body of a million empty ones would take minutes."""


class Refused(ExporterError):
    """An answer other than success. `code` is the closed word of the error body and of the metric.

    `source` is the source that the request spoke for, where it did.
    """

    def __init__(
        self, status: HTTPStatus, code: str, message: str, source: str | None = None, headers: tuple[Header, ...] = ()
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.source, self.headers = status, code, message, source, headers


class Disconnected(ExporterError):
    """The sender went away before the end of its request."""


@dataclass(frozen=True, slots=True)
class Request:
    scope: Scope
    receive: Receive

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    def header(self, name: bytes) -> bytes | None:
        """The first header of that name (in lower case)."""
        return next((value for key, value in self.scope["headers"] if key == name), None)

    def parameter(self, name: str) -> str | None:
        """A query parameter, or None where it is absent or empty."""
        try:
            parameters: Mapping[str, list[str]] = parse_qs(
                self.scope["query_string"].decode("latin-1"), max_num_fields=20
            )
        except ValueError:
            return None
        return next(iter(parameters.get(name, ())), None)

    def content_type(self) -> str:
        """Media type without parameters, in lower case; empty where there is none."""
        return (self.header(b"content-type") or b"").split(b";")[0].strip().lower().decode("latin-1")

    async def body(self, limits: Limits, source: str) -> bytes:
        """The body after gunzip. Raises `Refused` (413, 415, 400) and `Disconnected`."""
        encoding = (self.header(b"content-encoding") or b"identity").strip().lower()
        if encoding not in (b"identity", b"gzip"):
            message = "Content-Encoding has to be gzip or identity"
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", message, source)
        try:
            raw = await self._raw(limits.body)
            return raw if encoding == b"identity" else gunzip(raw, limits.decompressed)
        except TooLarge as e:
            raise too_large(e, source) from None
        except InvalidPayload as e:
            raise Refused(HTTPStatus.BAD_REQUEST, "malformed", str(e), source) from None

    async def _raw(self, limit: int) -> bytes:
        declared = self.header(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > limit:
            raise _over(limit)
        parts, size = [], 0
        while True:
            message = await self.receive()
            if message["type"] != "http.request":
                raise Disconnected
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise _over(limit)
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)


def gunzip(data: bytes, limit: int) -> bytes:
    """Raises `TooLarge` as soon as more than `limit` bytes come out, `InvalidPayload` where it is not whole gzip."""
    out = bytearray()
    for _ in range(MAX_GZIP_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        try:
            out += member.decompress(data, limit - len(out) + 1)
        except zlib.error:
            raise InvalidPayload("the body is not gzip") from None
        if len(out) > limit:
            raise TooLarge("decompressed", f"the body is larger than {limit} bytes after gunzip")
        if not member.eof:
            raise InvalidPayload("the gzip body ends early")
        data = member.unused_data
        if not data:
            return bytes(out)
    raise InvalidPayload(f"the gzip body has more than {MAX_GZIP_MEMBERS} members")


def too_large(error: TooLarge, source: str) -> Refused:
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{error.limit}_too_large", str(error), source)


def _over(limit: int) -> TooLarge:
    return TooLarge("body", f"the body is larger than {limit} bytes")
