"""`generate --push mimir`: what is sent, deleted and left alone, in which order, and what a failing ruler means."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from prometheus_rules.rule_files import PARTS
from tests.command_line import STARTER, Ran, voice_slo
from tests.ruler_server import FakeRuler, Refusal, fake_ruler
from voice_slo_cli import push_options
from voice_slo_cli.failure import Failure
from voice_slo_cli.push_options import Access, address
from voice_slo_cli.ruler import PATIENCE, Ruler, RulerError

TOKEN = "glc_c2VjcmV0"
NAMESPACE = "voice-slo-front-desk"
GROUP = b"name: voice-slo:front-desk:x\ninterval: 30s\nrules: []\n"


@pytest.fixture
def server() -> Iterator[FakeRuler]:
    with fake_ruler() as made:
        yield made


@pytest.fixture
def slos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two SLOs of one voice agent."""
    for variable in (push_options.TOKEN, push_options.PASSWORD, "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "slos" / "desk.yaml"
    path.parent.mkdir()
    path.write_text(desk("connection-success", "turn-latency"))
    return path


def desk(*slos: str, agent: str = "front-desk", objective: str = "95%") -> str:
    rows = "".join(f"  {name}: {{sli: {name.replace('-', '_')}, objective: {objective}}}\n" for name in slos)
    return (
        f"version: voice-slo/v1\nagent: {agent}\nowner: voice-platform\nbudget_by: [flow]\n"
        f"segments:\n  flow: [booking, billing]\nslos:\n{rows}"
    )


def pushed(server: FakeRuler, *more: str | Path) -> Ran:
    return voice_slo("generate", "--push", "mimir", "--url", server.url, *more)


def groups_of(ran: Ran, word: str) -> list[str]:
    return [line.split("/")[1].removesuffix(f": {word}") for line in ran.err.splitlines() if line.endswith(f": {word}")]


def parts(groups: list[str]) -> list[str]:
    return [name.rpartition(":")[2] for name in groups]


# What is sent ---------------------------------------------------------------------------------------------------------


def test_the_first_push_sends_everything_in_the_order_in_which_figures_flow(server: FakeRuler, slos: Path) -> None:
    ran = pushed(server)
    sent = groups_of(ran, "created")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.splitlines()[-1] == f"{len(sent)} groups, {len(sent)} changed"
    assert server.groups() == {NAMESPACE: sorted(sent)}
    assert server.changes() == [f"POST {name}" for name in sent]
    assert parts(sent)[0] == "sources"
    for own in ("connection-success", "turn-latency"):
        stages = [part.partition("-")[0] for part in parts([name for name in sent if f":{own}:" in name])]
        assert list(dict.fromkeys(stages)) == [part for part, _ in PARTS]
    assert not (slos.parent.parent / "prometheus_rules").exists()


def test_what_the_ruler_holds_is_what_the_files_say(server: FakeRuler, slos: Path) -> None:
    pushed(server)
    assert voice_slo("generate", "--format", "mimir").code == 0
    text = (slos.parent.parent / "prometheus_rules/generated/front-desk.mimir.yaml").read_text()
    file = yaml.load(text, Loader=yaml.CSafeLoader)
    assert file["namespace"] == NAMESPACE
    held = server.tenants["anonymous"][NAMESPACE]
    for group in file["groups"]:
        assert [rule["expr"] for rule in held[group["name"]]["rules"]] == [rule["expr"] for rule in group["rules"]]


def test_a_second_push_sends_nothing(server: FakeRuler, slos: Path) -> None:
    pushed(server)
    server.asked.clear()
    ran = pushed(server)
    assert ran.code == 0
    assert ran.err.splitlines()[-1].endswith(" groups, 0 changed")
    assert server.asked == [f"GET {NAMESPACE}"]
    assert pushed(server, "--check") == pushed(server, "--diff")
    assert pushed(server, "--check").code == 0


def test_only_what_differs_is_sent(server: FakeRuler, slos: Path) -> None:
    pushed(server)
    slos.write_text(desk("connection-success", "turn-latency").replace("95%}\n", "96%}\n", 1))
    server.asked.clear()
    changed = groups_of(pushed(server), "updated")
    assert changed
    assert all(":connection-success:" in name for name in changed)
    assert server.changes() == [f"POST {name}" for name in changed]
    assert "counts" not in parts(changed)


def test_what_somebody_changed_by_hand_is_put_right(server: FakeRuler, slos: Path) -> None:
    pushed(server)
    name = "voice-slo:front-desk:turn-latency:alerts"

    def changed(**fields: object) -> list[str]:
        held: Any = server.tenants["anonymous"][NAMESPACE]
        held[name] = {**held[name], **fields}
        return groups_of(pushed(server), "updated")

    rules: Any = server.tenants["anonymous"][NAMESPACE][name]["rules"]
    for last in ({"expr": "vector(1)"}, {"for": "1s"}, {"labels": {**rules[-1]["labels"], "severity": "none"}}):
        assert changed(rules=[*rules[:-1], {**rules[-1], **last}]) == [name]
    assert changed(rules=rules[:-1]) == changed(interval="31s") == changed(source_tenants=["other"]) == [name]
    assert changed(align_evaluation_time_on_interval=True) == [name]
    assert changed(source_tenants=[], limit=0, labels={}) == []


def test_groups_that_are_gone_are_deleted_last_and_alerts_first(server: FakeRuler, slos: Path) -> None:
    pushed(server)
    slos.write_text(desk("connection-success", "first-audio-success"))
    server.asked.clear()
    ran = pushed(server)
    created, deleted = groups_of(ran, "created"), groups_of(ran, "deleted")
    assert all(":turn-latency:" in name for name in deleted)
    assert server.changes() == [*(f"POST {name}" for name in created), *(f"DELETE {name}" for name in deleted)]
    stages = [part.partition("-")[0] for part in parts(deleted)]
    assert list(dict.fromkeys(stages)) == [part for part, _ in reversed(PARTS)]


def test_what_is_not_ours_is_left_alone(server: FakeRuler, slos: Path) -> None:
    for namespace, name in (
        (NAMESPACE, "own-group"), ("other", "voice-slo:front-desk:x"), ("voice-slo-lobby", "voice-slo:lobby:alerts"),
    ):  # fmt: skip
        group: dict[str, Any] = {"name": name, "interval": "1m", "rules": []}
        server.tenants.setdefault("anonymous", {})[namespace] = {name: group}
    assert not groups_of(pushed(server), "deleted")
    assert "own-group" in server.groups()[NAMESPACE]
    assert groups_of(pushed(server, "--prune", "--check"), "is generated no more") == ["voice-slo:lobby:alerts"]
    assert groups_of(pushed(server, "--prune"), "deleted") == ["voice-slo:lobby:alerts"]
    assert server.groups()["other"] == ["voice-slo:front-desk:x"]
    assert "own-group" in server.groups()[NAMESPACE]


def test_a_prefix_and_a_tenant_of_its_own(server: FakeRuler, slos: Path) -> None:
    pushed(server, "--namespace-prefix", "team-a.", "--tenant", "voice|other")
    assert list(server.groups("voice|other")) == ["team-a.front-desk"]
    assert server.groups() == {}


def test_check_and_diff_change_nothing_and_tell(server: FakeRuler, slos: Path) -> None:
    pushed(server)
    held = yaml.safe_dump(server.tenants)
    slos.write_text(desk("connection-success", "first-audio-success", objective="96%"))
    server.asked.clear()
    checked, diffed = pushed(server, "--check"), pushed(server, "--diff")
    assert (checked.code, checked.out, diffed.code, diffed.err) == (3, "", 3, checked.err)
    assert server.changes() == []
    assert yaml.safe_dump(server.tenants) == held
    assert {line.rpartition(": ")[2] for line in checked.err.splitlines()[1:]} == {
        "missing", "differs", "is generated no more",
    }  # fmt: skip
    name = f"{NAMESPACE}/voice-slo:front-desk:connection-success:budget"
    assert f"--- a/{name}\n+++ b/{name}\n" in diffed.out
    assert f"--- /dev/null\n+++ b/{NAMESPACE}/voice-slo:front-desk:first-audio-success:counts\n" in diffed.out
    assert f"--- a/{NAMESPACE}/voice-slo:front-desk:turn-latency:alerts\n+++ /dev/null\n" in diffed.out


# Limits ---------------------------------------------------------------------------------------------------------------


def test_what_cannot_fit_is_not_begun(server: FakeRuler, slos: Path) -> None:
    ran = pushed(server, "--max-groups", "3")
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == "nothing was sent: it would not fit"
    assert server.asked == []


def test_what_is_gone_makes_room_where_a_new_group_would_be_one_too_many(server: FakeRuler, slos: Path) -> None:
    """As when SLOs begin to share groups: all names change at once."""
    count = len(groups_of(pushed(server), "created"))
    server.most_groups = count + 1
    server.asked.clear()
    ran = pushed(server, "--max-groups", str(count - 1))
    created, deleted = groups_of(ran, "created"), groups_of(ran, "deleted")
    assert ran.code == 0
    assert all(":packed-" in name for name in created)
    assert not any(":packed-" in name for name in server.groups()[NAMESPACE] if name in deleted)
    order = server.changes()
    assert order.index(f"DELETE {deleted[-1]}") < order.index(f"POST {created[-1]}")
    assert pushed(server, "--max-groups", str(count - 1), "--check").code == 0


def test_a_limit_that_others_use_up_is_told_and_the_next_run_goes_on(server: FakeRuler, slos: Path) -> None:
    server.most_groups = 5
    ran = pushed(server)
    assert ran.code == 2
    sent = groups_of(ran, "created")
    assert len(sent) == 5
    refused, progress = ran.err.splitlines()[-2:]
    assert refused == (
        f"POST {server.url}/prometheus/config/v1/rules/{NAMESPACE}: 400 Bad Request: per-user rule groups limit"
        " (limit: 5 actual: 6) exceeded"
    )
    assert progress.startswith("5 of ")
    assert progress.endswith(" changes were made; run again for the rest")
    server.most_groups = 70
    assert not set(groups_of(pushed(server), "created")) & set(sent)
    assert pushed(server, "--check").code == 0


# When the ruler fails -------------------------------------------------------------------------------------------------


class Waits:
    """A clock that stands still, and what was waited for."""

    def __init__(self) -> None:
        self.waited: list[float] = []
        self.told: list[str] = []

    def ruler(self, server: FakeRuler, **more: str) -> Ruler:
        session = requests.Session()
        session.trust_env = False
        access = Access(server.url, **more)
        return Ruler(session, access, wait=self.waited.append, now=lambda: 0.0, tell=self.told.append)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 0])
def test_what_may_pass_is_asked_again(server: FakeRuler, status: int) -> None:
    waits = Waits()
    server.refusals = [Refusal("POST", status, b"later\n"), Refusal("POST", status)]
    waits.ruler(server).set("ns", GROUP)
    assert server.groups() == {"ns": ["voice-slo:front-desk:x"]}
    assert waits.waited == [0.5, 1.0]
    assert waits.told[0].endswith("; asking again in 0.5 s")


@pytest.mark.parametrize(
    ("value", "waited"),
    [
        ("7", 7.0), ("0", 0.5), ("nonsense", 0.5), ("-5", 0.5), ("", 0.5), ("Thu, 01 Jan 1970 00:00:09 GMT", 9.0),
        (format_datetime(datetime(1960, 1, 1, tzinfo=UTC)), 0.5),
    ],
)  # fmt: skip
def test_the_ruler_says_when_to_ask_again(server: FakeRuler, value: str, waited: float) -> None:
    waits = Waits()
    server.refusals = [Refusal("POST", 429, headers={"Retry-After": value})]
    waits.ruler(server).set("ns", GROUP)
    assert waits.waited == [waited]


def test_patience_ends(server: FakeRuler) -> None:
    waits = Waits()
    server.refusals = [Refusal("POST", 503, b"busy") for _ in range(100)]
    with pytest.raises(RulerError, match="503 Service Unavailable: busy"):
        waits.ruler(server).set("ns", GROUP)
    assert sum(waits.waited) <= PATIENCE
    assert waits.waited[:6] == [0.5, 1, 2, 4, 8, 8]
    assert len(waits.waited) < 15


def test_patience_is_one_for_the_run(server: FakeRuler) -> None:
    waits = Waits()
    ruler = waits.ruler(server)
    server.refusals = [Refusal("POST", 429, headers={"Retry-After": "40"})]
    ruler.set("ns", GROUP)
    server.refusals = [Refusal("POST", 429, b"slower", {"Retry-After": "21"})]
    with pytest.raises(RulerError, match="429 Too Many Requests: slower"):
        ruler.set("ns", GROUP)
    assert waits.waited == [40]


@pytest.mark.parametrize(("status", "hint"), [
    (400, ""), (401, "is the token, or the user and password, right?"), (403, "may this user write rules?"),
    (404, "is this the address of Mimir, and is its ruler API enabled?"), (405, ""), (413, ""), (422, ""), (499, ""),
    (301, "give the address it leads to"), (308, "give the address it leads to"),
])  # fmt: skip
def test_what_will_not_pass_is_told_at_once(server: FakeRuler, status: int, hint: str) -> None:
    waits = Waits()
    server.refusals = [Refusal("POST", status, b"because\n", {"Location": f"{server.url}/elsewhere"})]
    with pytest.raises(RulerError) as failed:
        waits.ruler(server).set("ns", GROUP)
    assert f": {status} " in str(failed.value)
    assert "because" in str(failed.value)
    assert hint in str(failed.value)
    assert waits.waited == []
    assert len(server.asked) == 1


def test_what_the_server_says_is_cut_and_cannot_steer_a_terminal(server: FakeRuler) -> None:
    server.refusals = [Refusal("POST", 400, b"\x1b[2J\x00\xff" + b"x" * 10_000)]
    with pytest.raises(RulerError) as failed:
        Waits().ruler(server).set("ns", GROUP)
    assert str(failed.value).isprintable()
    assert len(str(failed.value)) < 700


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_secret_is_never_shown(server: FakeRuler, status: int) -> None:
    for more in ({"secret": TOKEN}, {"secret": TOKEN, "user": "12345"}):
        server.refusals = [Refusal("POST", status, f"{TOKEN} is wrong, says Bearer {TOKEN}".encode())] * 40
        waits = Waits()
        ruler = waits.ruler(server, **more)
        with pytest.raises(RulerError) as failed:
            ruler.set("ns", GROUP)
        assert TOKEN not in str(failed.value) + repr(failed.value) + "".join(waits.told) + repr(Access("u", **more))


def test_nothing_answers(server: FakeRuler) -> None:
    gone = FakeRuler(url="http://127.0.0.1:1")
    waits = Waits()
    with pytest.raises(RulerError) as failed:
        waits.ruler(gone).namespace("ns")
    assert (
        str(failed.value) == "GET http://127.0.0.1:1/prometheus/config/v1/rules/ns: no connection: Connection refused"
    )
    assert waits.waited


def test_a_slow_answer_is_given_up(server: FakeRuler, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **given: Any) -> requests.Response:
        assert given["timeout"] == (10.0, 30.0)
        raise requests.ReadTimeout

    ruler = Waits().ruler(server)
    monkeypatch.setattr(requests.Session, "request", slow)
    with pytest.raises(RulerError, match="no answer within 30 s"):
        ruler.namespace("ns")


@pytest.mark.parametrize(("error", "words"), [
    (requests.ConnectTimeout(), "no connection within 10 s"), (requests.exceptions.SSLError(), "TLS"),
    (requests.exceptions.ChunkedEncodingError(), "no connection"), (requests.exceptions.InvalidURL(), "no connection"),
])  # fmt: skip
def test_other_ways_to_fail(server: FakeRuler, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    def fails(*_: object, **__: object) -> requests.Response:
        raise error

    ruler = Waits().ruler(server)
    monkeypatch.setattr(requests.Session, "request", fails)
    with pytest.raises(RulerError, match=words):
        ruler.namespace("ns")


@pytest.mark.parametrize("body", [
    b"<html>", b"[]", b"ns: 1", b"ns: [1]", b"ns: [{}]", b"ns: [{name: x}]", b"ns: [{name: x, rules: 1}]", b"\xff",
    b"a: b: c", b"ns: &a [*a]",
    b"ns: [{name: x, rules: [1]}]", b"text", b"[" * 100_000, b"ns: [{name: !!python/object:x {}, rules: []}]",
])  # fmt: skip
def test_an_answer_that_is_no_list_of_groups(server: FakeRuler, body: bytes) -> None:
    server.refusals = [Refusal("GET", 200, body)]
    with pytest.raises(RulerError, match="the answer is no list of rule groups"):
        Waits().ruler(server).namespace("ns")


@pytest.mark.parametrize(("status", "body"), [(404, b"no rule groups found\n"), (200, b"{}\n"), (200, b"")])
def test_no_groups_yet(server: FakeRuler, status: int, body: bytes) -> None:
    server.refusals = [Refusal("GET", status, body)]
    assert Waits().ruler(server).namespace("ns") == {}


def test_a_group_that_is_gone_already_is_deleted(server: FakeRuler) -> None:
    Waits().ruler(server).delete("ns", "voice-slo:front-desk:x")
    assert server.asked == ["DELETE voice-slo:front-desk:x"]


@pytest.mark.parametrize("before", [0, 3, -1])
@pytest.mark.parametrize(("method", "kinds"), [("POST", ("created", "updated")), ("DELETE", ("deleted",))])
def test_a_run_that_fails_on_the_way_is_finished_by_the_next(
    server: FakeRuler, slos: Path, before: int, method: str, kinds: tuple[str, ...]
) -> None:
    pushed(server)
    slos.write_text(desk("connection-success", "first-audio-success", objective="96%"))
    words = {"missing": "created", "differs": "updated", "is generated no more": "deleted"}
    told = [line.split("/")[1].rsplit(": ", 1) for line in pushed(server, "--check").err.splitlines()[1:]]
    plan = [(name, words[word]) for name, word in told]
    at = [name for name, kind in plan if kind in kinds][before]
    server.refusals = [Refusal(method, 403, b"not now", path=at)]
    ran = pushed(server)
    done = [name for name, _ in plan].index(at)
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == f"{done} of {len(plan)} changes were made; run again for the rest"
    assert _made(ran) == plan[:done]
    assert _made(pushed(server)) == plan[done:]
    assert pushed(server, "--check").code == 0


def _made(ran: Ran) -> list[tuple[str, str]]:
    lines = [line.split("/")[1].rsplit(": ", 1) for line in ran.err.splitlines() if line.startswith(NAMESPACE)]
    return [(name, kind) for name, kind in lines]


# Who we are, and where ------------------------------------------------------------------------------------------------


def test_a_token_from_a_file(server: FakeRuler, slos: Path) -> None:
    (slos.parent / "token").write_text(f"{TOKEN}\n")
    assert pushed(server, "--token-file", "slos/token").code == 0
    assert set(server.authorization) == {f"Bearer {TOKEN}"}


def test_a_token_from_the_environment(server: FakeRuler, slos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(push_options.TOKEN, TOKEN)
    assert pushed(server).code == 0
    assert set(server.authorization) == {f"Bearer {TOKEN}"}


def test_a_user_and_a_password(server: FakeRuler, slos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = "Basic " + base64.b64encode(f"12345:{TOKEN}".encode()).decode()
    (slos.parent / "password").write_text(TOKEN)
    assert pushed(server, "--user", "12345", "--password-file", "slos/password").code == 0
    monkeypatch.setenv(push_options.PASSWORD, TOKEN)
    assert pushed(server, "--user", "12345").code == 0
    assert set(server.authorization) == {wanted}


def test_no_password_is_looked_for_elsewhere(server: FakeRuler, slos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (slos.parent / "netrc").write_text("machine 127.0.0.1 login x password y\n")
    monkeypatch.setenv("NETRC", str(slos.parent / "netrc"))
    assert pushed(server).code == 0
    assert set(server.authorization) == {None}


@pytest.mark.parametrize(("words", "message"), [
    ([], "--push mimir needs --url"),
    (["--url", "mimir.example.com"], "--url is not an address such as https://mimir.example.com"),
    (["--url", "https://u:pw@m.example.com"],
     "--url holds a user or password: give them by --user and --password-file"),
    (["--url", "https://mimir.example.com?x=1"], "--url has a query or fragment: give the address of Mimir alone"),
    (["--url", "https://mimir.example.com", "--tenant", "a/b"], "--tenant is not the id of a Mimir tenant"),
    (["--url", "https://m.example.com", "--user", "a"],
     "--user needs --password-file or the variable VOICE_SLO_MIMIR_PASSWORD"),
    (["--url", "https://m.example.com", "--user", "a:b"], "--user is not a name that basic authentication can carry"),
    (["--url", "https://m.example.com", "--password-file", "x"], "--password-file needs --user"),
    (["--url", "https://m.example.com", "--user", "a", "--token-file", "x"],
     "--user and --token-file are two ways to the same: give one"),
    (["--url", "https://m.example.com", "--token-file", "slos/bad"],
     "slos/bad: is not a secret on one line of plain characters"),
    (["--url", "https://m.example.com", "--token-file", "slos/empty"],
     "slos/empty: is not a secret on one line of plain characters"),
    (["--url", "https://m.example.com", "--token-file", "gone"], "gone: No such file or directory"),
    (["--url", "https://m.example.com", "--format", "vmalert"], "--push mimir sends --format mimir, not vmalert"),
    (["--url", "https://m.example.com", "--label", "a=b"], "--label is for --format operator, not mimir"),
])  # fmt: skip
def test_options_that_cannot_work(slos: Path, words: list[str], message: str) -> None:
    (slos.parent / "bad").write_text("two\nlines")
    (slos.parent / "empty").write_text("\n")
    ran = voice_slo("generate", "--push", "mimir", *words)
    assert (ran.code, ran.out, ran.err.splitlines()) == (2, "", [message])


@pytest.mark.parametrize("words", [
    ["--url", "x"], ["--tenant", "x"], ["--token-file", "x"], ["--user", "x"], ["--password-file", "x"], ["--prune"],
])  # fmt: skip
def test_options_of_a_push_do_nothing_without_one(slos: Path, words: list[str]) -> None:
    ran = voice_slo("generate", *words)
    assert (ran.code, ran.err.splitlines()) == (2, [f"{words[0]} is for --push mimir"])


@pytest.mark.parametrize("text", [
    "", "x", "ftp://x", "http://", "http:///x", "http://[::1", "http://x:99999", "http://x:0", "https://x y", "http://x\n",
    "//x",     "file:///etc/passwd", "http://é",
])  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Failure, match="--url is not an address"):
        address(text)


@pytest.mark.parametrize(
    "text", ["https://m.example.com", "https://m.example.com/", "https://m.example.com/prometheus/"]
)
def test_an_address_is_that_of_mimir_itself(text: str) -> None:
    assert address(text) == "https://m.example.com"


def test_invalid_slo_files_are_never_sent(server: FakeRuler, slos: Path) -> None:
    slos.write_text("agent: front-desk\n")
    ran = pushed(server)
    assert ran.code == 2
    assert server.asked == []


def test_the_starter_file_fits(server: FakeRuler, slos: Path) -> None:
    assert pushed(server, STARTER).code == 0
    assert pushed(server, STARTER, "--check").code == 0
