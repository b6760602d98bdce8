"""The HTTP server: uvicorn with httptools and uvloop, with the bounds on heads, time and connections that it lacks."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from exporter.http import Application
from exporter.payload import ExporterError

MAX_HEAD_BYTES = 32 * 1024
"""Request line and headers together; of a head that never ends at most this and one read of the socket is kept."""
MAX_HEADERS = 100
REQUEST_SECONDS = 30.0
"""From the first byte of a request, or from connecting, to the last byte of its body."""
KEEP_ALIVE_SECONDS = 75
"""Longer than the usual scrape and export intervals, so that their connections live on."""
STOP_SECONDS = 15
MAX_CONNECTIONS = 2_000
BACKLOG = 1_024


class ListenError(ExporterError):
    """The address cannot be listened on."""


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class HttpServer:
    """Listens from `bind` on, serves from `serve` until a signal or `stop`."""

    def __init__(self, app: Application, *, request_seconds: float = REQUEST_SECONDS) -> None:
        config = uvicorn.Config(
            app,
            http=_bounded_protocol(request_seconds),
            ws="none",
            loop="uvloop",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            limit_concurrency=MAX_CONNECTIONS,
        )
        self._server = _Server(config)
        self._sockets: list[socket.socket] = []

    def bind(self, host: str, port: int) -> Address:
        """The address in use; port 0 lets the system choose one. Raises `ListenError`."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, kind, protocol, _, address = found[0]
            listener = socket.socket(family, kind, protocol)
            self._sockets.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError as e:
            self.close()
            raise ListenError(f"cannot listen on {Address(host, port)}: {e.strerror}") from None
        return Address(*listener.getsockname()[:2])

    def serve(self, on_hangup: Callable[[], object] | None = None) -> None:
        """Serves until SIGTERM, SIGINT or `stop`; what is under way is answered first.

        In the main thread only are signals heard; SIGHUP calls `on_hangup` in a worker thread.
        """
        self._server.on_hangup = on_hangup
        try:
            self._server.run(sockets=self._sockets)
        finally:
            self.close()

    def stop(self) -> None:
        """From any thread; `serve` returns soon."""
        self._server.should_exit = True

    def close(self) -> None:
        """Stops listening where `serve` was never reached."""
        while self._sockets:
            self._sockets.pop().close()


class _Server(uvicorn.Server):
    """Signals end `serve` instead of the process, so that the store can be closed after it."""

    on_hangup: Callable[[], object] | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_once)
        if self.on_hangup is not None:
            loop.add_signal_handler(signal.SIGHUP, loop.run_in_executor, None, self.on_hangup)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _stop_once(self) -> None:
        """The second signal does not wait for what is under way."""
        self.force_exit = self.should_exit
        self.should_exit = True


def _bounded_protocol(request_seconds: float) -> type[asyncio.Protocol]:
    class Bounded(_BoundedProtocol):
        seconds = request_seconds

    return Bounded


class _BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which by itself keeps heads of any size and waits for bodies for ever."""

    seconds = REQUEST_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._header_bytes = 0
        self._refusal: tuple[HTTPStatus, str, str] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        if self._in_head:
            if self._deadline is None:
                self._start_deadline()
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(*_HEAD_TOO_LARGE)
                return
            self._head_bytes += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count_head(len(name) + len(value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._end_deadline()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn for whatever the parser, or a callback above, could not take."""
        self._refuse(*(self._refusal or (HTTPStatus.BAD_REQUEST, "malformed_http", "this is not an HTTP request")))

    def _count_head(self, count: int) -> None:
        self._header_bytes += count
        if self._header_bytes > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._refusal = _HEAD_TOO_LARGE
            raise ValueError("the head is too large")

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.seconds, self._too_slow)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._in_head and self._head_bytes == 0:
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "timeout", f"the request took longer than {self.seconds:g} s")

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        """Ends the connection, with an answer unless that would be taken for the answer of the request before."""
        self._refusal = (status, code, message)
        idle = self.cycle is None or self.cycle.response_complete
        if idle or not (self._in_head or self.cycle.response_started):
            body = msgspec.json.encode({"error": {"code": code, "message": message}})
            length = str(len(body)).encode()
            head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: " + length + b"\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()


_HEAD_TOO_LARGE = (
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head_too_large",
    f"request line and headers are larger than {MAX_HEAD_BYTES} bytes or more than {MAX_HEADERS}",
)
