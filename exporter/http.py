"""The exporter's HTTP interface as a bare ASGI application. Everything it needs is handed to it.

An error is `{"error": {"code": …, "message": …}}` everywhere. Messages name places and limits, never content.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TypeVar

import msgspec

from exporter import otlp
from exporter.access import Access
from exporter.intake import Delivery, QueueFull, Receipt, Rejection, Sink, StoreFailed
from exporter.payload import InvalidPayload, Limits, TooLarge
from exporter.privacy import protect, protect_id
from exporter.request import Disconnected, Header, Receive, Refused, Request, Scope, too_large
from exporter.sources import OTLP, SPAN_SOURCES, native, translate_traces
from exporter.sources.translation import SourceSettings, Translated

Send = Callable[[dict[str, object]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
T = TypeVar("T")

JSON = b"application/json"
PROTOBUF = b"application/x-protobuf"
METRICS = b"text/plain; version=0.0.4; charset=utf-8"
HTML = b"text/html; charset=utf-8"
EVENT_TYPES = frozenset(("application/json", "application/x-ndjson", "application/ndjson", "application/jsonl"))
TRACE_TYPES: Mapping[str, otlp.Encoding] = {"application/x-protobuf": "protobuf", "application/json": "json"}
LARGE_BODY = 256 * 1024
"""From here on a body is read in a worker thread, so that it does not hold up scrapes and small requests."""
_PAGE_HEADERS: tuple[Header, ...] = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


@dataclass(frozen=True, slots=True)
class Services:
    """What the application calls.

    `metrics` gives the exposition in pieces, in the event loop; a scrape lets other requests run between them.
    `status_page`, `reload`, `slos` and `explain` run in a worker thread and may raise `QueueFull`. `not_ready` says
    why not, None when ready; `reload` what was wrong, None when it took effect; `explain` None for an unknown call.
    `count_rejected(source, reason)` is told of requests that were refused as a whole.
    """

    sink: Sink
    access: Mapping[str, Access]
    settings: Mapping[str, SourceSettings]
    limits: Limits
    caller_key: bytes
    count_rejected: Callable[[str, str], None]
    metrics: Callable[[], Iterable[bytes]]
    status_page: Callable[[], str]
    not_ready: Callable[[], str | None]
    reload: Callable[[], str | None]
    slos: Callable[[], object]
    explain: Callable[[str], object | None]


@dataclass(frozen=True, slots=True)
class Answer:
    body: Iterable[bytes]
    content_type: bytes = JSON
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[Header, ...] = ()


Handler = Callable[[Services, Request], Awaitable[Answer]]


def create_app(services: Services) -> Application:
    """The ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"ASGI {scope['type']}")
        request = Request(scope, receive)
        try:
            answer = await _handler(request)(services, request)
        except Disconnected:
            return
        except QueueFull:
            refused = _busy("stopping", "the exporter is stopping; try again", None, 5)
            answer = _error(refused.status, refused.code, refused.message, refused.headers)
        except Refused as refused:
            if refused.source is not None:
                services.count_rejected(refused.source, refused.code)
            answer = _error(refused.status, refused.code, refused.message, refused.headers)
        except Exception:
            await _send(_error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "see the exporter's log"), send)
            raise
        await _send(answer, send)

    return app


def _handler(request: Request) -> Handler:
    methods = ROUTES.get(request.path)
    if methods is None:
        raise Refused(HTTPStatus.NOT_FOUND, "not_found", "no such endpoint")
    handler = methods.get("GET" if request.method == "HEAD" else request.method)
    if handler is None:
        allowed = sorted({*methods, "HEAD"} if "GET" in methods else methods)
        message = f"this endpoint takes {', '.join(allowed)}"
        raise Refused(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method_not_allowed",
            message,
            headers=((b"allow", ", ".join(allowed).encode()),),
        )
    return handler


async def _post_events(services: Services, request: Request) -> Answer:
    source = native.NAME
    _authorise(services, request, (source,), source)
    if request.content_type() not in EVENT_TYPES:
        raise _unsupported("application/json or application/x-ndjson", source)
    body = await request.body(services.limits, source)
    translated = await _read(
        body, partial(native.translate, settings=services.settings[source], limits=services.limits), source
    )
    receipt = await _deliver(services, source, translated)
    return _receipt_answer(receipt, _all_rejected(translated, receipt))


async def _post_traces(services: Services, request: Request) -> Answer:
    """Answers in the request's encoding. Spans that were not taken are a partial success: a retry would not help."""
    allowed = _authorise(services, request, (OTLP, *SPAN_SOURCES), OTLP)
    encoding = TRACE_TYPES.get(request.content_type())
    if encoding is None:
        raise _unsupported(" or ".join(TRACE_TYPES), OTLP)
    body = await request.body(services.limits, OTLP)
    settings = _speaking(services, allowed)
    read = partial(translate_traces, encoding=encoding, settings=settings, limits=services.limits)
    parts = await _read(body, read, OTLP)
    receipts = await asyncio.gather(*[_deliver(services, source, part) for source, part in parts.items()])
    rejected = [r for part, receipt in zip(parts.values(), receipts, strict=True) for r in _all_rejected(part, receipt)]
    count = len({rejection.index for rejection in rejected})
    answer = otlp.encode_response(encoding, count, _summary(rejected))
    return Answer((answer,), JSON if encoding == "json" else PROTOBUF)


def _authorise(services: Services, request: Request, sources: Iterable[str], counted_as: str) -> list[str]:
    """Those of `sources` that are configured and whose token the request carries."""
    configured = [source for source in sources if source in services.access]
    if not configured:
        raise Refused(HTTPStatus.NOT_FOUND, "not_configured", "no source of the configuration takes this")
    authorization = request.header(b"authorization")
    allowed = [source for source in configured if services.access[source].allows(authorization)]
    if not allowed:
        challenge = ((b"www-authenticate", b"Bearer"),)
        raise Refused(HTTPStatus.UNAUTHORIZED, "unauthorized", "a valid bearer token is needed", counted_as, challenge)
    return allowed


def _speaking(services: Services, allowed: Iterable[str]) -> dict[str, SourceSettings]:
    """Settings by source: its own where it is configured and allowed, those of `otlp` where it is not configured."""
    speaking = {}
    for source in SPAN_SOURCES:
        name = source if source in services.access else OTLP
        if name in allowed:
            speaking[source] = services.settings[name]
    return speaking


async def _read(body: bytes, read: Callable[[bytes], T], source: str) -> T:
    try:
        return read(body) if len(body) < LARGE_BODY else await asyncio.to_thread(read, body)
    except TooLarge as e:
        raise too_large(e, source) from None
    except InvalidPayload as e:
        raise Refused(HTTPStatus.BAD_REQUEST, "malformed", str(e), source) from None


async def _deliver(services: Services, source: str, translated: Translated) -> Receipt:
    """Returns once the delivery is durable. Raises `Refused` (503)."""
    try:
        future = services.sink.submit(Delivery(source, protect(translated, services.caller_key)))
        # Shielded: a request that is given up must not cancel what the writer is about to settle.
        return await asyncio.shield(asyncio.wrap_future(future))
    except QueueFull as e:
        raise _busy("queue_full", "the exporter is behind; try again", source, e.retry_after) from None
    except StoreFailed:
        raise _busy("store_failed", "the store could not be written; try again", source, 5) from None


def _busy(code: str, message: str, source: str | None, retry_after: int) -> Refused:
    header = (b"retry-after", str(retry_after).encode())
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, code, message, source, (header,))


def _unsupported(expected: str, source: str) -> Refused:
    message = f"Content-Type has to be {expected}"
    return Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message, source)


def _all_rejected(translated: Translated, receipt: Receipt) -> list[Rejection]:
    """Rejections of the source and of the store, by their place in the payload."""
    positions = translated.positions or range(len(translated.events))
    stored = [replace(rejection, index=positions[rejection.index]) for rejection in receipt.rejected]
    return sorted([*translated.rejected, *stored], key=lambda rejection: rejection.index)


def _receipt_answer(receipt: Receipt, rejected: list[Rejection]) -> Answer:
    body: dict[str, object] = {
        "accepted": receipt.accepted,
        "duplicate": receipt.duplicate,
        "rejected": [{"index": r.index, "field": r.field, "error": r.error} for r in rejected],
    }
    if not rejected or receipt.accepted or receipt.duplicate:
        return _json(body)
    error = {"code": "nothing_valid", "message": "no event could be taken"}
    return _json({"error": error, **body}, HTTPStatus.BAD_REQUEST)


def _summary(rejected: Iterable[Rejection]) -> str:
    counts = Counter(rejection.reason for rejection in rejected)
    return ", ".join(f"{reason}: {count}" for reason, count in sorted(counts.items()))


async def _get_metrics(services: Services, request: Request) -> Answer:
    return Answer(services.metrics(), METRICS)


async def _get_status(services: Services, request: Request) -> Answer:
    page = await asyncio.to_thread(services.status_page)
    return Answer((page.encode(),), HTML, headers=_PAGE_HEADERS)


async def _get_healthy(services: Services, request: Request) -> Answer:
    return _json({"status": "healthy"})


async def _get_ready(services: Services, request: Request) -> Answer:
    why_not = services.not_ready()
    if why_not is not None:
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", why_not, headers=((b"retry-after", b"1"),))
    return _json({"status": "ready"})


async def _post_reload(services: Services, request: Request) -> Answer:
    problem = await asyncio.to_thread(services.reload)
    if problem is not None:
        raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "reload_failed", problem)
    return _json({"status": "reloaded"})


async def _get_slos(services: Services, request: Request) -> Answer:
    return _json(await asyncio.to_thread(services.slos))


async def _get_explain(services: Services, request: Request) -> Answer:
    call = request.parameter("call")
    if call is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "missing_parameter", "say which: /api/v1/explain?call=…")
    explanation = await asyncio.to_thread(services.explain, protect_id(call, services.caller_key))
    if explanation is None:
        raise Refused(HTTPStatus.NOT_FOUND, "unknown_call", "no such call within retention.calls")
    return _json(explanation)


ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "/v1/events": {"POST": _post_events},
    "/v1/traces": {"POST": _post_traces},
    "/metrics": {"GET": _get_metrics},
    "/": {"GET": _get_status},
    "/-/healthy": {"GET": _get_healthy},
    "/-/ready": {"GET": _get_ready},
    "/-/reload": {"POST": _post_reload},
    "/api/v1/slos": {"GET": _get_slos},
    "/api/v1/explain": {"GET": _get_explain},
}
"""Path → method → handler; a HEAD is answered as a GET."""


def _json(value: object, status: HTTPStatus = HTTPStatus.OK, headers: tuple[Header, ...] = ()) -> Answer:
    return Answer((msgspec.json.encode(value),), JSON, status, headers)


def _error(status: HTTPStatus, code: str, message: str, headers: tuple[Header, ...] = ()) -> Answer:
    return _json({"error": {"code": code, "message": message}}, status, headers)


async def _send(answer: Answer, send: Send) -> None:
    """A body of one piece is sent with its length, one of several in chunks."""
    headers = [(b"content-type", answer.content_type), *answer.headers]
    whole = b"".join(answer.body) if isinstance(answer.body, tuple) else None
    if whole is not None:
        headers.append((b"content-length", str(len(whole)).encode()))
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    if whole is None:
        for piece in answer.body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": whole or b"", "more_body": False})
