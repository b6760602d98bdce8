"""A real Alertmanager on loopback for a test, and the receiver that it notifies."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote, unquote

import requests
import yaml

from tests.prometheus_process import eventually, free_port
from tests.tools import tool

READY_WITHIN, NOTIFIED_WITHIN, ANSWER_WITHIN, STOPPED_WITHIN = 30.0, 30.0, 5.0, 10.0
GROUP_WAIT = "300ms"
Json = dict[str, Any]
Labels = Mapping[str, str]


@dataclass
class Inbox:
    """What a webhook got: (receiver, group, labels of the alerts in it), one for each notification."""

    url: str
    notifications: list[tuple[str, str, list[Labels]]] = field(default_factory=list)

    def told(self, labels: Labels) -> set[str]:
        """The receivers that were notified of an alert."""
        return {receiver for receiver, _, alerts in self.notifications if dict(labels) in alerts}

    @property
    def groups(self) -> set[str]:
        return {group for _, group, _ in self.notifications}


@dataclass(frozen=True)
class Alertmanager:
    url: str
    inbox: Inbox
    log: Path

    def post(self, *alerts: Labels) -> None:
        answer = requests.post(
            f"{self.url}/api/v2/alerts", json=[{"labels": dict(labels)} for labels in alerts], timeout=ANSWER_WITHIN
        )
        assert answer.ok, answer.text

    def status(self, labels: Labels) -> Json:
        """Of one alert: `state`, and by which alerts or silences it is muted."""
        found = requests.get(f"{self.url}/api/v2/alerts", timeout=ANSWER_WITHIN).json()
        (status,) = [alert["status"] for alert in found if alert["labels"] == dict(labels)]
        assert isinstance(status, dict)
        return status

    def wait_until_told(self, receivers: set[str], *alerts: Labels) -> None:
        """Until each of the alerts reached exactly these receivers."""
        eventually(
            lambda: all(self.inbox.told(labels) == receivers for labels in alerts),
            NOTIFIED_WITHIN,
            lambda: ([self.inbox.told(labels) for labels in alerts], receivers, self.log.read_text()),
        )

    def wait_until_muted(self, by: str, *alerts: Labels) -> None:
        """`by`: inhibitedBy or silencedBy. Alertmanager asks its rules anew for each answer."""
        eventually(
            lambda: all(self.status(labels)[by] for labels in alerts),
            NOTIFIED_WITHIN,
            lambda: [self.status(labels) for labels in alerts],
        )


@contextmanager
def running(directory: Path, fragments: Sequence[bytes]) -> Iterator[Alertmanager]:
    """An Alertmanager into whose configuration the fragments are merged as docs/alerting.md says."""
    port = free_port()
    with _receiving() as inbox:
        config = directory / "alertmanager.yml"
        config.write_text(yaml.safe_dump(merged(fragments, inbox.url)), encoding="utf-8")
        log = directory / "alertmanager.log"
        command = [
            tool("prometheus-alertmanager"), f"--config.file={config}", f"--storage.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
        ]  # fmt: skip
        with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
            try:
                server = Alertmanager(f"http://127.0.0.1:{port}", inbox, log)
                eventually(lambda: _ready(server, process), READY_WITHIN, log.read_text)
                yield server
            finally:
                process.terminate()
                process.wait(STOPPED_WITHIN)


def merged(fragments: Sequence[bytes], webhook: str) -> Json:
    """One configuration, whose groups do not wait for long and whose receivers all are the same webhook."""
    whole: Json = {"route": {"receiver": "your-root-receiver", "group_wait": GROUP_WAIT, "routes": []}}
    lists: dict[str, list[Json]] = {"receivers": [], "inhibit_rules": [], "time_intervals": []}
    for fragment in map(yaml.safe_load, fragments):
        whole["route"]["routes"] += [_hurried(route) for route in fragment["route"]["routes"]]
        for key, entries in lists.items():
            entries.extend(fragment.get(key, []))
    names = dict.fromkeys(receiver["name"] for receiver in lists["receivers"])
    lists["receivers"] = [
        {"name": name, "webhook_configs": [{"url": webhook + quote(name, safe="")}]} for name in names
    ]
    return {**whole, **lists}


def _hurried(route: Json) -> Json:
    own = {key: GROUP_WAIT if key == "group_wait" else value for key, value in route.items()}
    return {**own, "group_interval": "1s", "routes": [_hurried(child) for child in route.get("routes", [])]}


@contextmanager
def _receiving() -> Iterator[Inbox]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            labels = [alert["labels"] for alert in body["alerts"]]
            inbox.notifications.append((unquote(self.path[1:]), body["groupKey"], labels))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        inbox = Inbox(f"http://127.0.0.1:{server.server_port}/")
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield inbox
        finally:
            server.shutdown()
            thread.join()


def _ready(server: Alertmanager, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, server.log.read_text()
    try:
        return requests.get(f"{server.url}/-/ready", timeout=ANSWER_WITHIN).ok
    except requests.ConnectionError:
        return False
