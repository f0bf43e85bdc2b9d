"""What ``deploy/`` and ``docs/metrics.md`` say is what the collector does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_llm.alerting.config import default_rules
from otel_llm.alerting.prometheus import export
from otel_llm.alerting.routing import Route
from otel_llm.config import load as load_settings
from otel_llm.config.units import parse_duration, parse_size
from otel_llm.service.settings import check, read_settings
from otel_llm.testing import OtlpSink
from tests.e2e.running import collector
from tests.e2e.test_collector import HttpExporter, send

from .dashboards import DEPLOY, FILES, NAME, ROOT, load, targets

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
OTHERS = sorted((ROOT / "collector-config").glob("otelcol*.yaml"))
DOCUMENTED = re.compile(r"^\| `(\w+)` \| (\w+) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a collector shows after calls of all kinds."""
    folder = tmp_path_factory.mktemp("collector")
    with OtlpSink() as sink:
        exporters = {"otlphttp/sink": {"endpoint": sink.http_endpoint}}
        with collector(folder, exporters) as running:
            exporter = HttpExporter(running.http_endpoint + "/v1/traces", timeout=60)
            send(exporter, **{"error.type": "timeout", "gen_ai.response.time_to_first_chunk": 0.2})
            exporter = HttpExporter(running.http_endpoint + "/v1/traces", timeout=60)
            send(exporter, **{"gen_ai.response.model": "of-our-own", "gen_ai.request.model": "x"})
            running.wait_for(lambda r: "of-our-own" in _metrics(r))
            return _metrics(running)


@pytest.fixture(scope="module")
def shown(text: str) -> dict[str, str]:
    """Type by name."""
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))


def _metrics(running: Any) -> str:
    return running.text("/metrics")


def _documented() -> dict[str, str]:
    return dict(DOCUMENTED.findall((ROOT / "docs/metrics.md").read_text("utf-8")))


def test_every_sample_is_a_number(text: str):
    samples = [line for line in text.splitlines() if not line.startswith("#")]

    assert samples
    assert [line for line in samples if not re.search(r" [-+]?[\d.]+(e[-+]?\d+)?$", line)] == []


def test_every_metric_that_is_shown_is_documented_with_its_type(shown: dict[str, str]):
    documented = _documented()

    assert {name: documented.get(name) for name in shown} == shown


def test_what_every_metric_of_the_code_is_called_is_documented():
    sources = (ROOT / "src/otel_llm/collector").rglob("*.py")
    named = {
        name
        for source in sources
        for name in re.findall(r'"((?:otel_llm|otelcol)_\w+)"', source.read_text("utf-8"))
    }

    known = _documented()
    assert {n for n in named if n not in known and f"{n}_total" not in known} == set()


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_dashboard_asks_only_for_what_is_shown(file: Path, shown: dict[str, str]):
    histograms = {n for n, kind in shown.items() if kind == "histogram"}
    known = {*shown, *(f"{n}_{part}" for n in histograms for part in ("bucket", "sum", "count"))}
    asked = {n for _, target in targets(load(file)) for n in NAME.findall(target["expr"])}

    assert asked
    assert asked <= known


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_dashboard_is_whole(file: Path):
    board = load(file)
    ids = [panel["id"] for panel in board["panels"]]

    assert board["uid"] == f"otel-llm-{file.stem}"
    assert len(set(ids)) == len(ids)
    for panel in board["panels"]:
        defaults, place = panel["fieldConfig"]["defaults"], panel["gridPos"]
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        assert panel["title"]
        assert defaults["unit"], panel["title"]
        assert defaults["thresholds"]["steps"][0]["value"] is None
        assert place["x"] + place["w"] <= 24
        assert panel["targets"]


def test_the_panels_of_latency_over_time_show_single_calls():
    board = load(DEPLOY / "grafana/dashboards/latency.json")
    lines = [p for p in board["panels"] if p["type"] == "timeseries" and p["title"] != "Calls"]

    assert lines
    assert all(target["exemplar"] for panel in lines for target in panel["targets"])


def test_the_rules_for_prometheus_are_the_exported_ones():
    shipped = (DEPLOY / "prometheus/otel-llm.rules.yml").read_text("utf-8")

    assert shipped == export(default_rules().rules).text


def test_the_rules_that_prometheus_evaluates_are_not_evaluated_twice():
    exported = export(default_rules().rules)
    settings = read_settings(DEPLOY / "otel-llm.yaml").sections.alerting

    assert settings is not None
    theirs = {rule.name for rule in default_rules().rules} - set(exported.left_out)
    assert set(settings.disabled_rules) == theirs


def test_the_configuration_in_the_config_map_is_valid():
    text = (DEPLOY / "kubernetes/configmap.yaml").read_text("utf-8")

    assert check(load_settings(yaml.safe_load(text)["data"]["collector.yaml"]))


def _mounts() -> Iterator[str]:
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", ()):
            yield volume.split(":")[0]


def test_what_compose_mounts_exists():
    files = [m for m in _mounts() if m.startswith(".")]
    volumes = {m for m in _mounts() if not m.startswith(".")}

    assert [f for f in files if not (DEPLOY / f).exists()] == []
    assert volumes == set(COMPOSE["volumes"])


def test_compose_publishes_on_loopback_alone_and_pins_every_image():
    for name, service in COMPOSE["services"].items():
        assert all(p.startswith("127.0.0.1:") for p in service.get("ports", ())), name
        assert re.search(r":v?\d+\.\d+", service["image"]), name


def test_hosts_that_our_files_name_are_services():
    services = set(COMPOSE["services"])
    named = set()
    for file in ("otel-llm.yaml", "prometheus/prometheus.yml"):
        text = (DEPLOY / file).read_text("utf-8")
        named |= set(re.findall(r"(?:\[|endpoint: |http://)([a-z][a-z-]+):\d", text))
    sources = (DEPLOY / "grafana/provisioning/datasources/datasources.yaml").read_text("utf-8")
    named |= set(re.findall(r"^    url: http://([a-z-]+):", sources, re.MULTILINE))

    assert named - {"localhost"} <= services
    assert {"tempo", "jaeger", "alertmanager", "prometheus", "otel-llm"} <= named


def test_prometheus_is_given_every_file_of_rules():
    files = {file.name for file in (DEPLOY / "prometheus").glob("*.rules.yml")}
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text("utf-8"))
    mounted = {volume.split(":")[0] for volume in COMPOSE["services"]["prometheus"]["volumes"]}

    assert set(config["rule_files"]) == files
    assert {f"./prometheus/{file}" for file in files} <= mounted


def test_links_of_alerts_lead_to_published_addresses():
    said = {
        name: re.findall(r"http://127.0.0.1:\d+", str({**service, "ports": None, "healthcheck": 0}))
        for name, service in COMPOSE["services"].items()
    }
    published = {
        name: f"http://{port.rpartition(':')[0]}"
        for name in ("otel-llm", "prometheus", "alertmanager")
        for port in COMPOSE["services"][name]["ports"][-1:]
    }

    assert {name: said[name] for name in published} == {n: [url] for n, url in published.items()}
    sections = read_settings(DEPLOY / "otel-llm.yaml").sections
    assert sections.api
    assert sections.api.public_url == published["otel-llm"]


def test_alertmanager_groups_and_inhibits_as_otel_llm_does_by_itself():
    config = yaml.safe_load((DEPLOY / "alertmanager/alertmanager.yml").read_text("utf-8"))

    assert tuple(config["route"]["group_by"]) == Route(()).group_by
    theirs = [set(rule["equal"]) for rule in config["inhibit_rules"]]
    assert theirs == [set(rule.equal) - {"tag.*"} for rule in default_rules().inhibit]


def test_what_the_container_copies_exists():
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)

    assert [f for line in copied for f in line.split() if not (ROOT / f).exists()] == []


def test_kustomization_names_every_manifest():
    folder = DEPLOY / "kubernetes"
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))["resources"]

    assert {f.name for f in folder.glob("*.yaml")} - {"kustomization.yaml"} == set(listed)


@pytest.mark.parametrize("file", OTHERS, ids=lambda f: f.name)
def test_the_other_collectors_pipelines_use_what_is_defined(file: Path):
    settings = yaml.safe_load(file.read_text("utf-8"))
    service = settings["service"]

    assert set(service["extensions"]) == set(settings["extensions"])
    for kind in ("receivers", "processors", "exporters"):
        used = {name for pipeline in service["pipelines"].values() for name in pipeline[kind]}
        assert used == set(settings[kind]), kind
    assert all(p["processors"][0] == "memory_limiter" for p in service["pipelines"].values())


def test_grafanas_data_sources_refer_to_each_other():
    file = DEPLOY / "grafana/provisioning/datasources/datasources.yaml"
    text = file.read_text("utf-8")
    known = {source["uid"] for source in yaml.safe_load(text)["datasources"]}

    referred = re.findall(r"(?:datasourceUid|alertmanagerUid): (\w+)", text)
    assert set(referred) <= known


def _drain(text: str) -> float:
    """How long a collector with these settings goes on sending after SIGTERM."""
    return check(load_settings(text, {})).sections.service.drain_timeout


def _pod() -> dict[str, Any]:
    text = (DEPLOY / "kubernetes/statefulset.yaml").read_text("utf-8")
    return yaml.safe_load(text)["spec"]["template"]["spec"]


def test_whoever_ends_the_collector_waits_for_longer_than_it_goes_on_sending():
    in_pod = yaml.safe_load((DEPLOY / "kubernetes/configmap.yaml").read_text("utf-8"))["data"]
    unit = (DEPLOY / "systemd/otel-llm.service").read_text("utf-8")
    (stopped_after,) = re.findall(r"^TimeoutStopSec=(.+)$", unit, re.MULTILINE)
    gateway = yaml.safe_load((ROOT / "collector-config/gateway.yaml").read_text("utf-8"))
    longest = parse_duration(gateway["service"]["drain_timeout"])

    assert _pod()["terminationGracePeriodSeconds"] > 10 + _drain(in_pod["collector.yaml"])
    assert parse_duration(stopped_after) > 10 + longest
    composed = COMPOSE["services"]["otel-llm"]["stop_grace_period"]
    assert parse_duration(composed) > 10 + _drain((DEPLOY / "otel-llm.yaml").read_text("utf-8"))


def test_probes_and_services_ask_where_the_container_listens():
    (container,) = _pod()["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    services = yaml.safe_load_all((DEPLOY / "kubernetes/service.yaml").read_text("utf-8"))
    asked = {p["targetPort"] for service in services for p in service["spec"]["ports"]}
    policy = yaml.safe_load((DEPLOY / "kubernetes/networkpolicy.yaml").read_text("utf-8"))
    let_in = {p["port"] for rule in policy["spec"]["ingress"] for p in rule["ports"]}

    assert ports == {"otlp-grpc": 4317, "otlp-http": 4318, "http": 4319}
    assert asked == let_in == set(ports)
    probes = {name: container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    assert {name: probe["httpGet"] for name, probe in probes.items()} == {
        "startup": {"path": "/health", "port": "http"},
        "liveness": {"path": "/health", "port": "http"},
        "readiness": {"path": "/ready", "port": "http"},
    }


def test_what_a_pod_writes_is_on_a_volume_that_holds_all_of_it():
    text = (DEPLOY / "kubernetes/statefulset.yaml").read_text("utf-8")
    (claim,) = yaml.safe_load(text)["spec"]["volumeClaimTemplates"]
    in_pod = yaml.safe_load((DEPLOY / "kubernetes/configmap.yaml").read_text("utf-8"))["data"]
    settings = check(load_settings(in_pod["collector.yaml"], {})).sections
    limits = (settings.journal, settings.dead_letter, settings.store)
    most = sum(one.max_size for one in limits if one is not None)

    mounts = {m["name"]: m["mountPath"] for m in _pod()["containers"][0]["volumeMounts"]}
    assert mounts[claim["metadata"]["name"]] == "/var/lib/otel-llm"
    assert most < parse_size(claim["spec"]["resources"]["requests"]["storage"] + "B")


def test_the_unit_runs_reloads_and_confines_the_collector():
    unit = (DEPLOY / "systemd/otel-llm.service").read_text("utf-8")
    lines = dict(line.split("=", 1) for line in unit.splitlines() if re.match(r"\w+=", line))

    assert lines["ExecStart"].split()[1:] == [
        "collector",
        "--config",
        "/etc/otel-llm/collector.yaml",
    ]
    assert lines["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert (lines["DynamicUser"], lines["ProtectSystem"], lines["NoNewPrivileges"]) == (
        "yes",
        "strict",
        "yes",
    )


def test_no_service_of_the_composition_can_gain_rights():
    for service in COMPOSE["services"].values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_a_pod_reaches_no_metadata_service_and_a_unit_leaves_no_core():
    policy = yaml.safe_load((DEPLOY / "kubernetes/networkpolicy.yaml").read_text("utf-8"))
    unit = (DEPLOY / "systemd/otel-llm.service").read_text("utf-8")
    blocks = [
        to["ipBlock"] for rule in policy["spec"]["egress"] for to in rule["to"] if "ipBlock" in to
    ]

    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert [block["cidr"] for block in blocks] == ["0.0.0.0/0", "::/0"]
    assert "169.254.0.0/16" in blocks[0]["except"]
    assert "fd00:ec2::254/128" in blocks[1]["except"]
    assert "LimitCORE=0\n" in unit
