"""docker-compose.yml names only what exists, and what it mounts is accepted by the programs that read it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import config
from prometheus_rules import alertmanager
from tests.tools import tool
from voice_slo.loading import load

ROOT = Path(__file__).parents[1]
Json = dict[str, Any]


def loaded(path: str) -> Json:
    found = yaml.safe_load((ROOT / path).read_text())
    assert isinstance(found, dict)
    return found


COMPOSE = loaded("docker-compose.yml")
SERVICES: dict[str, Json] = COMPOSE["services"]


def mounts(service: str) -> list[tuple[str, str]]:
    return [(volume.split(":")[0], volume.split(":")[1]) for volume in SERVICES[service].get("volumes", [])]


def folder_of(service: str, inside: str) -> Path:
    """The project's file or folder that the container sees at `inside`."""
    for source, target in mounts(service):
        if inside == target or inside.startswith(target + "/"):
            return ROOT / source / inside[len(target) :].lstrip("/")
    pytest.fail(f"nothing is mounted at {inside} of {service}")


def port(service: str) -> int:
    (published,) = SERVICES[service]["ports"]
    host, outside, inside = published.split(":")
    assert (host, outside) == ("127.0.0.1", inside)
    return int(inside)


def option(service: str, name: str) -> str:
    (value,) = [c.partition("=")[2] for c in SERVICES[service]["command"] if c.startswith(f"--{name}=")]
    assert isinstance(value, str)
    return value


@pytest.mark.parametrize("service", SERVICES)
def test_image_tags_are_pinned(service: str) -> None:
    assert re.fullmatch(r"[a-z0-9/-]+:v?\d+\.\d+\.\d+", SERVICES[service]["image"])


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_exists_read_only_or_is_a_declared_volume(service: str) -> None:
    for volume in SERVICES[service]["volumes"]:
        source = volume.split(":")[0]
        if source.startswith("./"):
            assert (ROOT / source).exists()
            assert volume.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_every_declared_volume_is_used() -> None:
    assert {source for service in SERVICES for source, _ in mounts(service)} >= set(COMPOSE["volumes"])


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_checks_its_health_on_its_own_port_and_is_published_on_loopback(service: str) -> None:
    (address,) = re.findall(r"http://127\.0\.0\.1:(\d+)/", " ".join(SERVICES[service]["healthcheck"]["test"]))
    assert int(address) == port(service)


def test_the_exporters_configuration_is_accepted_and_agrees_with_compose_and_image() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    (inside,) = re.findall(r'CMD \["voice-slo", "serve", "--config", "([^"]+)"\]', dockerfile)
    settings = config.parse(inside, folder_of("exporter", inside).read_text())
    assert settings.listen.port == port("exporter")
    assert f"EXPOSE {settings.listen.port}\n" in dockerfile
    assert settings.data_dir in {target: source for source, target in mounts("exporter")}
    assert f"VOLUME {settings.data_dir}\n" in dockerfile
    for slos in settings.slos:
        assert folder_of("exporter", slos).is_dir()


def test_prometheus_accepts_its_configuration_as_mounted(tmp_path: Path) -> None:
    inside = option("prometheus", "config.file")
    shutil.copy(folder_of("prometheus", inside), tmp_path / "prometheus.yml")
    rules = folder_of("prometheus", "/etc/prometheus/prometheus_rules")
    (tmp_path / "prometheus_rules").symlink_to(rules)
    done = subprocess.run(
        [tool("promtool"), "check", "config", str(tmp_path / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    generated = list((rules / "generated").glob("*.rules.yaml"))
    assert done.stdout.count("SUCCESS: ") >= len(generated)


def test_prometheus_reads_the_folder_that_generate_writes() -> None:
    settings = loaded("deploy/prometheus.yml")
    assert settings["rule_files"] == ["prometheus_rules/generated/*.rules.yaml"]


def test_prometheus_scrapes_the_exporter_and_finds_alertmanager() -> None:
    settings = loaded("deploy/prometheus.yml")
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in settings["scrape_configs"]}
    assert jobs == {
        "voice-slo": [f"exporter:{port('exporter')}"],
        "alertmanager": [f"alertmanager:{port('alertmanager')}"],
    }
    (alerting,) = settings["alerting"]["alertmanagers"]
    assert alerting["static_configs"] == [{"targets": [f"alertmanager:{port('alertmanager')}"]}]


def test_alertmanager_accepts_its_configuration() -> None:
    path = folder_of("alertmanager", option("alertmanager", "config.file"))
    done = subprocess.run([tool("amtool"), "check-config", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert_class", ["fast_burn", "exporter_down"])
@pytest.mark.parametrize(("severity", "receiver"), [("page", "pager"), ("ticket", "tickets")])
def test_alertmanager_routes_by_severity(severity: str, receiver: str, alert_class: str) -> None:
    assert receiver_of(f"severity={severity}", f"alert_class={alert_class}") == receiver


def test_alertmanager_tells_nobody_of_what_is_for_information() -> None:
    assert receiver_of("severity=info", "alert_class=budget_low") == "nobody"


def receiver_of(*labels: str) -> str:
    path = folder_of("alertmanager", option("alertmanager", "config.file"))
    command = [tool("amtool"), "config", "routes", "test", f"--config.file={path}", "agent=a", *labels]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("alert_class", ["exporter_down", "source_silent"])
def test_alertmanager_tells_once_what_is_so_of_every_slo(alert_class: str) -> None:
    (first, *_) = loaded("deploy/alertmanager.yml")["route"]["routes"]
    assert alert_class in first["matchers"][0]
    assert "slo" not in first["group_by"]


@pytest.mark.parametrize("path", ["slos/starter.yaml", "slos/full.yaml"])
def test_alertmanager_inhibits_what_the_fragment_of_each_agent_does(path: str) -> None:
    (file,) = load([(path, (ROOT / path).read_bytes())])
    fragment = yaml.safe_load(alertmanager.generate(file, "1")[alertmanager.fragment_path(file.agent)])
    own = loaded("deploy/alertmanager.yml")["inhibit_rules"]
    assert [rule for rule in fragment["inhibit_rules"] if not any(covers(one, rule) for one in own)] == []


def covers(own: Json, rule: Json) -> bool:
    """Whether `own` says the same of every agent, and maybe of more classes and segments."""
    sides = ("source_matchers", "target_matchers")
    wanted, found = ([accepted(one[side]) for side in sides] for one in (rule, own))
    for side in wanted:
        del side["agent"]
    return set(rule["equal"]) <= set(own["equal"]) and all(
        labels.keys() == ours.keys() and all(values <= ours[label] for label, values in labels.items())
        for labels, ours in zip(wanted, found, strict=True)
    )


def accepted(matchers: list[str]) -> dict[str, set[str]]:
    """Label → the alternatives of its matcher."""
    found = [re.fullmatch(r'(\w+)=~?"(.+)"', matcher) for matcher in matchers]
    return {match[1]: set(match[2].split("|")) for match in found if match}


def test_grafana_finds_dashboards_and_prometheus_where_they_are() -> None:
    provisioning = folder_of("grafana", SERVICES["grafana"]["environment"]["GF_PATHS_PROVISIONING"])
    (provider,) = yaml.safe_load((provisioning / "dashboards/voice-slo.yaml").read_text())["providers"]
    assert folder_of("grafana", provider["options"]["path"]) == ROOT / "grafana/dashboards"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())["datasources"]
    assert source["url"] == f"http://prometheus:{port('prometheus')}"


def test_the_image_is_built_from_files_that_exist_and_are_sent_to_the_build() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.M) for name in line.split()]
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    for name in copied:
        assert (ROOT / name).exists(), name
    assert set(copied) == sent


def test_the_image_installs_from_the_lock_and_does_not_run_as_root() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes --no-deps -r requirements.lock" in dockerfile
    assert "--no-deps --no-build-isolation ." in dockerfile
    assert re.search(r"^USER (?!0|root)\d+:\d+$", dockerfile, re.M)
    assert all(
        re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", tag) for tag in re.findall(r"^FROM (\S+)", dockerfile, re.M)
    )


def test_the_image_has_every_package_of_the_project() -> None:
    packages = re.findall(r'^    "([a-z_]+)(?:\.[a-z_]+)*",$', (ROOT / "pyproject.toml").read_text(), re.M)
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.M)
    assert set(copied) == set(packages)
