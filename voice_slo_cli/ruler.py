"""The ruler API of Mimir and Grafana Cloud: rule groups listed, set and deleted, with bounded patience.

https://grafana.com/docs/mimir/latest/references/http-api/#ruler
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import requests
import yaml
from requests.auth import AuthBase, HTTPBasicAuth

from voice_slo.diagnostics import VoiceSloError
from voice_slo_cli.push_options import Access
from voice_slo_cli.terminal import say

API = "/prometheus/config/v1/rules"
CONNECT_WITHIN, ANSWER_WITHIN = 10.0, 30.0
PATIENCE = 60.0
"""Seconds to wait in all, over every retry of a run."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0
LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""Safe either way, whatever the linter takes it for."""
LARGEST_ANSWER = 64 * 1024 * 1024
_DEEPEST = 10
_LONGEST_WORDS = 500
"""Characters of what the server said that are shown."""

Groups = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Namespace → group → the group as Mimir has it."""


class RulerError(VoiceSloError):
    """What the ruler refused, or that it cannot be reached. `status` is None where nothing answered."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status

    @property
    def too_many_groups(self) -> bool:
        """Mimir's words for the limit of groups: `per-user rule groups limit (limit: 70 actual: 71) exceeded`."""
        return self.status == HTTPStatus.BAD_REQUEST and "rule groups limit" in str(self)


class Ruler:
    def __init__(
        self, session: requests.Session, access: Access, *,
        wait: Callable[[float], None] = time.sleep, now: Callable[[], float] = time.time,
        tell: Callable[[str], None] = say,
    ) -> None:  # fmt: skip
        self._session, self._access, self._wait, self._now, self._tell = session, access, wait, now, tell
        self._patience = PATIENCE
        session.auth = _Credentials(access)
        if access.tenant:
            session.headers["X-Scope-OrgID"] = access.tenant

    def namespace(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        """Group → what Mimir has, of one namespace; nothing where there is no such namespace."""
        return self._listed(f"/{_part(name)}").get(name, {})

    def namespaces(self) -> Groups:
        """Those of the whole tenant."""
        return self._listed("")

    def set(self, namespace: str, group: bytes) -> None:
        """Create or replace a group, given as YAML. What it replaces is told by its name."""
        self._asked("POST", f"/{_part(namespace)}", group)

    def delete(self, namespace: str, group: str) -> None:
        """Also fine where it is gone already, as after a retry."""
        self._asked("DELETE", f"/{_part(namespace)}/{_part(group)}", missing_is_fine=True)

    def _listed(self, path: str) -> Groups:
        answer = self._asked("GET", path, missing_is_fine=True)
        if answer is None:
            return {}
        try:
            return _groups(_loaded(answer))
        except (yaml.YAMLError, ValueError, TypeError):
            raise RulerError(f"{self._named('GET', path)}: the answer is no list of rule groups") from None

    def _asked(
        self, method: str, path: str, body: bytes | None = None, *, missing_is_fine: bool = False
    ) -> bytes | None:
        """The answer; None for a 404 that is fine. Raises `RulerError`."""
        wait = FIRST_WAIT
        while True:
            try:
                status, content, retry_after = self._once(method, path, body)
            except requests.RequestException as error:
                problem = RulerError(f"{self._named(method, path)}: {_reason(error)}")
                retry_after = "" if _may_pass(error) else None
            else:
                if status < HTTPStatus.MULTIPLE_CHOICES:
                    return content
                if status == HTTPStatus.NOT_FOUND and missing_is_fine and _says_no_group(content):
                    return None
                problem = RulerError(f"{self._named(method, path)}: {self._told(status, content)}", status)
            if retry_after is None or not self._waited(max(wait, _seconds(retry_after, self._now())), problem):
                raise problem
            wait = min(2 * wait, LONGEST_WAIT)

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes, str | None]:
        """Status, content, and `Retry-After` where asking again may help."""
        url = f"{self._access.url}{API}{path}"
        headers = {"Content-Type": "application/yaml"} if body is not None else {}
        with self._session.request(
            method, url, data=body, headers=headers, timeout=(CONNECT_WITHIN, ANSWER_WITHIN), allow_redirects=False,
            stream=True,
        ) as answer:  # fmt: skip
            content = b""
            for chunk in answer.iter_content(65536):
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    raise RulerError(f"{self._named(method, path)}: the answer is over {LARGEST_ANSWER >> 20} MiB")
            again = answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or answer.status_code >= 500
            return answer.status_code, content, answer.headers.get("Retry-After", "") if again else None

    def _waited(self, seconds: float, problem: RulerError) -> bool:
        """False, at once, where the run has not that much patience left."""
        if seconds > self._patience:
            return False
        self._patience -= seconds
        self._tell(f"{problem}; asking again in {seconds:.3g} s")
        self._wait(seconds)
        return True

    def _named(self, method: str, path: str) -> str:
        return f"{method} {self._access.url}{API}{path}"

    def _told(self, status: int, content: bytes) -> str:
        """`400 Bad Request: per-user rule groups limit …`: the first words of the server, never our secret."""
        said = content[: 4 * _LONGEST_WORDS].decode(errors="replace")
        if self._access.secret:
            said = said.replace(self._access.secret, "***")
        words = " ".join("".join(c if c.isprintable() else " " for c in said).split())
        cut = words if len(words) <= _LONGEST_WORDS else words[:_LONGEST_WORDS] + "…"
        return f"{status} {_phrase(status)}{f': {cut}' if cut else ''}{_HINTS.get(status, '')}"


_HINTS: Mapping[int, str] = {
    401: " (is the token, or the user and password, right?)",
    403: " (may this user write rules?)",
    404: " (is this the address of Mimir, and is its ruler API enabled?)",
    301: " (give the address it leads to)",
    302: " (give the address it leads to)",
    307: " (give the address it leads to)",
    308: " (give the address it leads to)",
}


class _Credentials(AuthBase):
    """Set on the session even when empty, or requests would look for a password in ~/.netrc."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._access.user:
            HTTPBasicAuth(self._access.user.encode(), self._access.secret.encode())(request)
        elif self._access.secret:
            request.headers["Authorization"] = f"Bearer {self._access.secret}"
        return request


def _part(name: str) -> str:
    return quote(name, safe="")


def _loaded(text: bytes) -> object:
    """By the C loader, ten times as fast as the other, which would crash the process where brackets nest deeply."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST or isinstance(event, yaml.AliasEvent):
            raise ValueError
    return yaml.load(text, Loader=LOADER)  # noqa: S506


def _groups(document: object) -> Groups:
    """Raises `ValueError` for what is none."""
    match document:
        case None:
            return {}
        case Mapping():
            return {str(namespace): {_name(group): group for group in groups} for namespace, groups in document.items()}
        case _:
            raise ValueError


def _name(group: object) -> str:
    match group:
        case {"name": str(name), "rules": [*rules]} if all(isinstance(rule, Mapping) for rule in rules):
            return name
        case _:
            raise ValueError


def _says_no_group(content: bytes) -> bool:
    """Of an older Mimir that has none; not of a server that knows no such address."""
    return b"no rule groups found" in content or b"group does not exist" in content


def _may_pass(error: requests.RequestException) -> bool:
    """TLS and proxies that refuse will do so again."""
    return isinstance(
        error, requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError
    ) and (not isinstance(error, requests.exceptions.SSLError | requests.exceptions.ProxyError))


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {CONNECT_WITHIN:.0f} s"
    if isinstance(error, requests.Timeout):
        return f"no answer within {ANSWER_WITHIN:.0f} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS certificate is not trusted, or TLS is not spoken there"
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return f"no connection: {cause.strerror}" if isinstance(cause, OSError) and cause.strerror else "no connection"


def _seconds(retry_after: str, now: float) -> float:
    """RFC 9110, 10.2.3: seconds or a date. 0 for neither."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        return email.utils.parsedate_to_datetime(retry_after).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
