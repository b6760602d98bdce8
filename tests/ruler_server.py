"""A ruler as Mimir 3.0 documents it and its source has it, on a port of this machine; it fails when told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import yaml

API = "/prometheus/config/v1/rules"
Tenant = dict[str, dict[str, dict[str, Any]]]


@dataclass
class Refusal:
    """The next request whose method and path begin so is answered with this; `status` 0 hangs up."""

    method: str
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    path: str = ""


@dataclass
class FakeRuler:
    url: str = ""
    most_groups: int = 70
    tenants: dict[str, Tenant] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Method and group, or path, of each request."""
    authorization: list[str | None] = field(default_factory=list)

    def groups(self, tenant: str = "anonymous") -> dict[str, list[str]]:
        return {namespace: sorted(groups) for namespace, groups in self.tenants.get(tenant, {}).items()}

    def changes(self) -> list[str]:
        return [line for line in self.asked if not line.startswith("GET ")]


class _Handler(BaseHTTPRequestHandler):
    ruler: FakeRuler
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self._path()
        if self._refused(f"GET {'/'.join(path)}"):
            return
        held = self._tenant()
        found = {name: list(groups.values()) for name, groups in held.items() if path in ([], [name]) and groups}
        self._answer(200, yaml.dump(found, Dumper=yaml.CSafeDumper).encode(), "application/yaml")

    def do_POST(self) -> None:
        (namespace,) = self._path()
        text = self.rfile.read(int(self.headers["Content-Length"]))
        group = yaml.load(text, Loader=yaml.CSafeLoader)
        if self._refused(f"POST {group['name']}"):
            return
        if len(group["rules"]) > 20:
            self._answer(
                400, b"per-user rules per rule group limit (limit: 20 actual: %d) exceeded\n" % len(group["rules"])
            )
            return
        # Mimir counts the group as one more, even where it replaces one.
        count = sum(map(len, self._tenant().values())) + 1
        if count > self.ruler.most_groups:
            limit = self.ruler.most_groups
            self._answer(400, f"per-user rule groups limit (limit: {limit} actual: {count}) exceeded\n".encode())
            return
        self._tenant().setdefault(namespace, {})[group["name"]] = _as_mimir_has_it(group)
        self._answer(202, b'{"status":"success","data":null,"errorType":"","error":""}', "application/json")

    def do_DELETE(self) -> None:
        namespace, name = self._path()
        if self._refused(f"DELETE {name}"):
            return
        if self._tenant().get(namespace, {}).pop(name, None) is None:
            self._answer(404, b"group does not exist\n")
        else:
            self._answer(202, b'{"status":"success","data":null,"errorType":"","error":""}', "application/json")

    def _tenant(self) -> Tenant:
        return self.ruler.tenants.setdefault(self.headers.get("X-Scope-OrgID", "anonymous"), {})

    def _path(self) -> list[str]:
        assert self.path.startswith(API)
        return [unquote(part) for part in self.path[len(API) :].split("/") if part]

    def _refused(self, asked: str) -> bool:
        self.ruler.asked.append(asked)
        self.ruler.authorization.append(self.headers.get("Authorization"))
        due = self.ruler.refusals[:1]
        if not due or not asked.startswith(f"{due[0].method} {due[0].path}"):
            return False
        refusal = self.ruler.refusals.pop(0)
        if refusal.status == 0:
            self.close_connection = True
        else:
            self._answer(refusal.status, refusal.body, headers=refusal.headers)
        return True

    def _answer(
        self, status: int, body: bytes, kind: str = "text/plain", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


def _as_mimir_has_it(group: dict[str, Any]) -> dict[str, Any]:
    """The same group in Go's spelling: weeks, keys in another order, empty fields written or left out."""
    rules = [
        json.loads(json.dumps({key: _duration(key, value) for key, value in rule.items()})) for rule in group["rules"]
    ]
    return {**group, "interval": _duration("interval", group["interval"]), "rules": rules, "source_tenants": []}


def _duration(key: str, value: Any) -> Any:
    spellings = {"7d": "1w", "1h": "60m", "30s": "30000ms", "30m": "1800s"}
    return spellings.get(value, value) if key in ("interval", "for", "keep_firing_for") else value


@contextmanager
def fake_ruler() -> Iterator[FakeRuler]:
    ruler = FakeRuler()
    handler = type("Handler", (_Handler,), {"ruler": ruler})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    ruler.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield ruler
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
