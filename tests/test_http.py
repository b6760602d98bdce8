"""The HTTP interface: the ASGI application by itself, and once through the real server."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from exporter.access import Access
from exporter.http import LARGE_BODY, ROUTES, Application, Services, create_app
from exporter.intake import Delivery, QueueFull, Receipt, Rejection, StoreFailed
from exporter.payload import InvalidPayload, Limits, TooLarge
from exporter.privacy import hash_caller, protect_id
from exporter.request import gunzip
from exporter.server import MAX_HEAD_BYTES, Address, HttpServer, ListenError
from exporter.sources.translation import SourceSettings
from tests.livekit_samples import bodies
from voice_slo.events import encode

KEY = b"k" * 32
TOKEN = b"0123456789abcdef"
EVENT = {"kind": "tag", "call": "c-1", "at": 1795432356, "name": "said_goodbye", "caller": "+15550100001"}
JSON = {"content-type": "application/json"}
PROTOBUF = {"content-type": "application/x-protobuf"}


@dataclass
class FakeSink:
    """Accepts everything, except what it was told to refuse."""

    deliveries: list[Delivery] = field(default_factory=list)
    error: Exception | None = None
    failure: Exception | None = None
    rejections: tuple[Rejection, ...] = ()

    def submit(self, delivery: Delivery) -> Future[Receipt]:
        if self.error is not None:
            raise self.error
        self.deliveries.append(delivery)
        future: Future[Receipt] = Future()
        if self.failure is not None:
            future.set_exception(self.failure)
        else:
            future.set_result(Receipt(len(delivery.translated.events) - len(self.rejections), 0, self.rejections))
        return future


@dataclass
class Exporter:
    """An application over a fake sink, and what it was told of."""

    sink: FakeSink = field(default_factory=FakeSink)
    refused: list[tuple[str, str]] = field(default_factory=list)
    services: Services = field(init=False)

    def __post_init__(self) -> None:
        self.services = Services(
            sink=self.sink,
            access={"native": Access(), "livekit": Access()},
            settings={"native": SourceSettings(), "livekit": SourceSettings()},
            limits=Limits(body=100_000, decompressed=200_000, batch=10),
            caller_key=KEY,
            count_rejected=lambda source, reason: self.refused.append((source, reason)),
            metrics=lambda: iter((b"one 1\n", b"two 2\n")),
            status_page=lambda: "<p>fine</p>",
            not_ready=lambda: None,
            reload=lambda: None,
            slos=lambda: [{"agent": "front-desk"}],
            explain=lambda call: {"call": call} if call != "c-0" else None,
        )

    def having(self, **changes: Any) -> Exporter:
        self.services = replace(self.services, **changes)
        return self

    def call(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, pieces: int = 1
    ) -> Response:
        return asyncio.run(drive(create_app(self.services), method, path, body, headers or {}, pieces))

    def post(self, path: str, body: bytes, headers: Mapping[str, str] = JSON, pieces: int = 1) -> Response:
        return self.call("POST", path, body, headers, pieces)


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def drive(
    app: Application, method: str, path: str, body: bytes, headers: Mapping[str, str], pieces: int
) -> Response:
    """One request through the bare application; the body arrives in `pieces`."""
    plain, _, query = path.partition("?")
    size = -(-len(body) // pieces) or 1
    chunks = [body[i : i + size] for i in range(0, len(body), size)] or [b""]
    messages = [
        {"type": "http.request", "body": chunk, "more_body": i < len(chunks) - 1} for i, chunk in enumerate(chunks)
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": plain, "query_string": query.encode(),
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
    }  # fmt: skip
    await app(scope, receive, send)
    start = sent[0]
    named = {k.decode(): v.decode() for k, v in start["headers"]}
    return Response(start["status"], named, b"".join(m.get("body", b"") for m in sent[1:]))


@pytest.fixture
def exporter() -> Exporter:
    return Exporter()


def events(*changes: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(EVENT | change).encode() for change in changes)


def test_events_are_accepted_without_the_caller_s_number(exporter: Exporter) -> None:
    response = exporter.post("/v1/events", events({}))
    assert (response.status, response.json) == (200, {"accepted": 1, "duplicate": 0, "rejected": []})
    (delivery,) = exporter.sink.deliveries
    assert delivery.source == "native"
    assert delivery.translated.events[0].caller == hash_caller("+15550100001", KEY)
    assert b"+1555" not in encode(delivery.translated.events[0])


@pytest.mark.parametrize(
    "type_", ["application/json", "application/x-ndjson", "Application/JSON; charset=utf-8", "application/jsonl"]
)
def test_media_types_of_events(exporter: Exporter, type_: str) -> None:
    assert exporter.post("/v1/events", events({}, {}), {"content-type": type_}).json["accepted"] == 2


def test_a_body_in_pieces_and_gzip(exporter: Exporter) -> None:
    body = gzip.compress(events({})) + gzip.compress(b"\n" + events({}))
    response = exporter.post("/v1/events", body, {**JSON, "content-encoding": "gzip"}, pieces=7)
    assert response.json["accepted"] == 2


def test_rejections_of_the_source_and_of_the_store_by_place(exporter: Exporter) -> None:
    exporter.sink.rejections = (Rejection(1, "at", "is older than 35 days", "too_old"),)
    response = exporter.post("/v1/events", events({"extra": 1}, {}, {"at": 1}))
    assert response.status == 200
    assert response.json == {
        "accepted": 1,
        "duplicate": 0,
        "rejected": [
            {"index": 0, "field": "extra", "error": "is not a field of this kind of event"},
            {"index": 2, "field": "at", "error": "is older than 35 days"},
        ],
    }


def test_nothing_valid_is_400_and_still_delivered_to_be_counted(exporter: Exporter) -> None:
    response = exporter.post("/v1/events", events({"extra": 1}))
    assert response.status == 400
    assert response.json["error"] == {"code": "nothing_valid", "message": "no event could be taken"}
    assert [r["field"] for r in response.json["rejected"]] == ["extra"]
    assert len(exporter.sink.deliveries[0].translated.rejected) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", JSON, 400, "malformed"),
        (b"[1,", JSON, 400, "malformed"),
        (b"{}", {}, 415, "unsupported_media_type"),
        (b"{}", {"content-type": "text/plain"}, 415, "unsupported_media_type"),
        (b"{}", {**JSON, "content-encoding": "br"}, 415, "unsupported_encoding"),
        (b"no gzip", {**JSON, "content-encoding": "gzip"}, 400, "malformed"),
        (gzip.compress(b"{}")[:-3], {**JSON, "content-encoding": "gzip"}, 400, "malformed"),
        (b"x" * 100_001, JSON, 413, "body_too_large"),
        (b"{}", {**JSON, "content-length": "100001"}, 413, "body_too_large"),
        (gzip.compress(b" " * 200_001), {**JSON, "content-encoding": "gzip"}, 413, "decompressed_too_large"),
        (events(*[{}] * 11), JSON, 413, "batch_too_large"),
    ],
)
def test_requests_that_are_refused(
    exporter: Exporter, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    response = exporter.post("/v1/events", body, headers, pieces=3)
    assert (response.status, response.json["error"]["code"]) == (status, code)
    assert set(response.json) == {"error"}
    assert set(response.json["error"]) == {"code", "message"}
    assert exporter.refused == [("native", code)]
    assert exporter.sink.deliveries == []


def test_tokens_are_asked_of_the_source(exporter: Exporter) -> None:
    exporter.having(access={"native": Access((TOKEN,)), "livekit": Access()})
    refused = exporter.post("/v1/events", events({}))
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert exporter.refused == [("native", "unauthorized")]
    granted = exporter.post("/v1/events", events({}), {**JSON, "authorization": f"Bearer {TOKEN.decode()}"})
    assert granted.status == 200


@pytest.mark.parametrize("path", ["/v1/events", "/v1/traces"])
def test_sources_that_are_not_configured(exporter: Exporter, path: str) -> None:
    exporter.having(access={}, settings={})
    assert exporter.post(path, events({})).json["error"]["code"] == "not_configured"


def test_a_full_queue(exporter: Exporter) -> None:
    exporter.sink.error = QueueFull(7)
    response = exporter.post("/v1/events", events({}))
    assert (response.status, response.headers["retry-after"]) == (503, "7")
    assert exporter.refused == [("native", "queue_full")]


def test_a_store_that_failed(exporter: Exporter) -> None:
    exporter.sink.failure = StoreFailed("disk")
    response = exporter.post("/v1/traces", bodies("good")[0], PROTOBUF)
    assert (response.status, response.json["error"]["code"]) == (503, "store_failed")
    assert exporter.refused == [("livekit", "store_failed")]


def test_a_crash_is_answered_and_still_seen(exporter: Exporter) -> None:
    exporter.sink.failure = RuntimeError("boom")
    with pytest.raises(RuntimeError, match="boom"):
        exporter.post("/v1/events", events({}))


@pytest.mark.parametrize("compress", [False, True])
def test_traces_in_both_encodings(exporter: Exporter, compress: bool) -> None:
    for suffix, headers, expected in (("bin", PROTOBUF, b""), ("json", JSON, b"{}")):
        body = bodies("good", suffix)[0]
        sent = gzip.compress(body) if compress else body
        response = exporter.post("/v1/traces", sent, {**headers, **({"content-encoding": "gzip"} if compress else {})})
        assert (response.status, response.body, response.headers["content-type"]) == (
            200, expected, headers["content-type"]
        )  # fmt: skip
    first, second = exporter.sink.deliveries
    assert first.source == "livekit"
    assert first.translated == second.translated
    assert first.translated.events


def test_spans_that_the_store_rejects_are_a_partial_success(exporter: Exporter) -> None:
    exporter.sink.rejections = tuple(Rejection(i, "at", "is older than 35 days", "too_old") for i in (0, 1))
    response = exporter.post("/v1/traces", bodies("good")[1], PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(response.body).partial_success
    assert (response.status, partial.rejected_spans, partial.error_message) == (200, 2, "too_old: 2")


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"\xff\xff", PROTOBUF, 400, "malformed"),
        (b"{", JSON, 400, "malformed"),
        (b"{}", {"content-type": "application/x-ndjson"}, 415, "unsupported_media_type"),
    ],
)
def test_traces_that_are_refused(
    exporter: Exporter, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    response = exporter.post("/v1/traces", body, headers)
    assert (response.status, response.json["error"]["code"]) == (status, code)
    assert exporter.refused == [("otlp", code)]


@pytest.mark.parametrize(
    ("access", "header", "outcome"),
    [
        ({"livekit": TOKEN}, TOKEN, "livekit"), ({"livekit": TOKEN}, None, 401),
        ({"otlp": TOKEN}, TOKEN, "livekit"), ({"otlp": TOKEN}, None, 401),
        ({"otlp": None}, None, "livekit"),
        ({"otlp": None, "livekit": TOKEN}, None, "otlp"), ({"otlp": None, "livekit": TOKEN}, TOKEN, "livekit"),
        ({"otlp": TOKEN, "livekit": None}, None, "livekit"), ({"otlp": b"f" * 16, "livekit": TOKEN}, TOKEN, "livekit"),
    ],
)  # fmt: skip
def test_a_token_speaks_for_its_sources_only(
    exporter: Exporter, access: dict[str, bytes | None], header: bytes | None, outcome: object
) -> None:
    """Where `otlp` alone may speak, spans of a source with a token of its own are of an unknown scope."""
    exporter.having(
        access={name: Access((token,) if token else ()) for name, token in access.items()},
        settings=dict.fromkeys(access, SourceSettings()),
    )
    headers = {**PROTOBUF, **({"authorization": f"Bearer {header.decode()}"} if header else {})}
    response = exporter.post("/v1/traces", bodies("good")[0], headers)
    if outcome == 401:
        assert response.status == 401
        return
    (delivery,) = exporter.sink.deliveries
    assert (response.status, delivery.source) == (200, outcome)
    assert bool(delivery.translated.events) is (outcome == "livekit")


def test_a_large_body_is_read_in_a_thread_with_the_same_result(exporter: Exporter) -> None:
    exporter.having(limits=Limits())
    response = exporter.post("/v1/events", events({}) + b"\n" * LARGE_BODY + events({}))
    assert response.json["accepted"] == 2


def test_a_sender_that_goes_away_is_not_answered(exporter: Exporter) -> None:
    async def leave() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Mapping[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/v1/events", "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }  # fmt: skip
        await create_app(exporter.services)(scope, receive, send)
        return sent

    assert asyncio.run(leave()) == []
    assert exporter.refused == []


@pytest.mark.parametrize(
    ("path", "type_", "body"),
    [
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8", b"one 1\ntwo 2\n"),
        ("/", "text/html; charset=utf-8", b"<p>fine</p>"),
        ("/-/healthy", "application/json", b'{"status":"healthy"}'),
        ("/-/ready", "application/json", b'{"status":"ready"}'),
        ("/api/v1/slos", "application/json", b'[{"agent":"front-desk"}]'),
        ("/api/v1/explain?call=c-1", "application/json", b'{"call":"c-1"}'),
    ],
)
def test_pages(exporter: Exporter, path: str, type_: str, body: bytes) -> None:
    for method in ("GET", "HEAD"):
        response = exporter.call(method, path)
        assert (response.status, response.headers["content-type"], response.body) == (200, type_, body)


def test_the_status_page_can_load_nothing(exporter: Exporter) -> None:
    headers = exporter.call("GET", "/").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_not_ready(exporter: Exporter) -> None:
    response = exporter.having(not_ready=lambda: "the store is being opened").call("GET", "/-/ready")
    assert (response.status, response.json["error"]["message"]) == (503, "the store is being opened")


def test_reload(exporter: Exporter) -> None:
    assert exporter.call("POST", "/-/reload").json == {"status": "reloaded"}
    failed = exporter.having(reload=lambda: "slos/a.yaml:1:1: the file is empty").call("POST", "/-/reload")
    assert (failed.status, failed.json["error"]["code"]) == (500, "reload_failed")


def test_explain_finds_calls_by_their_number(exporter: Exporter) -> None:
    response = exporter.call("GET", "/api/v1/explain?call=%2B15550100001")
    assert response.json == {"call": protect_id("+15550100001", KEY)}
    assert exporter.call("GET", "/api/v1/explain?call=c-0").json["error"]["code"] == "unknown_call"
    for query in ("", "?call=", "?call", "?" + "&".join(["call=1"] * 30)):
        assert exporter.call("GET", "/api/v1/explain" + query).json["error"]["code"] == "missing_parameter"


def test_pages_while_the_writer_stops(exporter: Exporter) -> None:
    def stopping() -> object:
        raise QueueFull

    response = exporter.having(slos=stopping).call("GET", "/api/v1/slos")
    assert (response.status, response.json["error"]["code"]) == (503, "stopping")
    assert exporter.refused == []


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_other_methods(exporter: Exporter, path: str) -> None:
    response = exporter.call("DELETE", path)
    assert (response.status, response.json["error"]["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == ("GET, HEAD" if "GET" in ROUTES[path] else "POST")


@pytest.mark.parametrize("path", ["/v1/event", "/metrics/", "//", "/..", ""])
def test_other_paths(exporter: Exporter, path: str) -> None:
    assert exporter.call("GET", path).json == {"error": {"code": "not_found", "message": "no such endpoint"}}


def test_gunzip_stops_at_the_limit() -> None:
    assert gunzip(gzip.compress(b"x" * 1000), 1000) == b"x" * 1000
    with pytest.raises(TooLarge):
        gunzip(gzip.compress(b"x" * 1001), 1000)
    with pytest.raises(InvalidPayload, match="more than 16 members"):
        gunzip(gzip.compress(b"") * 17, 1000)


@contextmanager
def serving(exporter: Exporter, request_seconds: float = 30.0) -> Iterator[Address]:
    server = HttpServer(create_app(exporter.services), request_seconds=request_seconds)
    address = server.bind("127.0.0.1", 0)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield address
    finally:
        server.stop()
        thread.join()


def talk(address: Address, data: bytes) -> bytes:
    """Everything that comes back until the server closes."""
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        received = b""
        try:
            while part := connection.recv(65536):
                received += part
        except ConnectionResetError:
            pass
        return received


def test_the_real_server(exporter: Exporter) -> None:
    with serving(exporter) as address:
        connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
        for _ in range(2):
            connection.request("POST", "/v1/events", events({}), JSON)
            assert json.loads(connection.getresponse().read())["accepted"] == 1
        connection.request(
            "POST", "/v1/traces", gzip.compress(bodies("slow")[0]), {**PROTOBUF, "Content-Encoding": "gzip"}
        )
        assert connection.getresponse().read() == b""
        connection.request("POST", "/v1/events", b"x" * 150_000, JSON)
        assert (
            connection.getresponse().read()
            == b'{"error":{"code":"body_too_large","message":"the body is larger than 100000 bytes"}}'
        )
        connection.request("GET", "/metrics")
        assert connection.getresponse().read() == b"one 1\ntwo 2\n"
        connection.request("HEAD", "/")
        head = connection.getresponse()
        assert (head.status, head.read(), head.getheader("server")) == (200, b"", None)
        connection.close()
    assert [d.source for d in exporter.sink.deliveries] == ["native", "native", "livekit"]


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: b\r\n" % i for i in range(101)) + b"\r\n",
        b"GET / HTTP/1.1\r\na: " + b"b" * MAX_HEAD_BYTES + b"\r\n\r\n",
        b"GET /" + b"b" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\na: " + b"b" * 4_000_000,
    ],
    ids=["many", "large", "path", "endless"],
)
def test_heads_are_bounded(exporter: Exporter, head: bytes) -> None:
    with serving(exporter) as address:
        answer = talk(address, head)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


def test_what_is_not_http(exporter: Exporter) -> None:
    with serving(exporter) as address:
        answer = talk(address, b"hello\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'{"error":{"code":"malformed_http"' in answer


@pytest.mark.parametrize("sent", [b"POST /v1/events HTTP/1.1\r\nhost: x", (b"POST /v1/events HTTP/1.1\r\nhost: x\r\n"
                                  b"content-type: application/json\r\ncontent-length: 99\r\n\r\n{")])  # fmt: skip
def test_slow_requests_are_given_up(exporter: Exporter, sent: bytes) -> None:
    with serving(exporter, request_seconds=0.2) as address:
        answer = talk(address, sent)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"timeout"' in answer
    assert exporter.sink.deliveries == []


def test_silent_connections_are_closed(exporter: Exporter) -> None:
    with serving(exporter, request_seconds=0.2) as address:
        assert talk(address, b"") == b""


def test_an_address_in_use_and_one_that_is_none(exporter: Exporter) -> None:
    first, second = (HttpServer(create_app(exporter.services)) for _ in range(2))
    address = first.bind("127.0.0.1", 0)
    with pytest.raises(ListenError, match=f"cannot listen on {address}: Address already in use"):
        second.bind(address.host, address.port)
    with pytest.raises(ListenError, match=r"cannot listen on nowhere\.invalid:1: "):
        second.bind("nowhere.invalid", 1)
    first.close()


def test_signals_stop_gracefully_and_reload() -> None:
    """A process of its own: SIGHUP calls the hook, SIGTERM lets a request under way finish, then `serve` returns."""
    program = textwrap.dedent(
        """
        import asyncio
        from exporter.server import HttpServer
        async def app(scope, receive, send):
            print("began", flush=True)
            await asyncio.sleep(0.3)
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
            await send({"type": "http.response.body", "body": b"done"})
        server = HttpServer(app)
        print(server.bind("127.0.0.1", 0).port, flush=True)
        server.serve(lambda: print("reload", flush=True))
        print("closed", flush=True)
        """
    )
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONPATH": "."}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=environment) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/")
            assert process.stdout.readline() == "began\n"
            process.send_signal(signal.SIGHUP)
            assert process.stdout.readline() == "reload\n"
            process.send_signal(signal.SIGTERM)
            assert connection.getresponse().read() == b"done"
            connection.close()
            assert process.stdout.readline() == "closed\n"
            assert process.wait(10) == 0
        finally:
            process.kill()
