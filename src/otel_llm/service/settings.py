"""What an operator may write in a collector configuration, as one checked value.

Receivers, processors and exporters are named ``type`` or ``type/label`` and built by the settings
class of their type; every name a pipeline uses must be defined, every mistake is reported at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from otel_llm.alerting import AlertingConfig
from otel_llm.api import ApiConfig
from otel_llm.collector import components
from otel_llm.collector.journal import JournalConfig
from otel_llm.collector.sending.dead_letter import DeadLetterConfig
from otel_llm.config import ConfigError, Problem, build, load, text_of
from otel_llm.config.problem import suggestion
from otel_llm.config.units import Duration
from otel_llm.evaluation import EvaluationConfig
from otel_llm.store import StoreConfig

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """What one kind of data passes through, by component name."""

    receivers: tuple[str, ...]
    """Where it comes from."""
    processors: tuple[str, ...] = ()
    """What looks at it, in this order."""
    exporters: tuple[str, ...] = ()
    """Where it goes; each has a queue of its own. None: it is only stored."""


@dataclass(frozen=True, slots=True)
class LogsConfig:
    """The collector's own log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severity that is written."""
    format: Literal["text", "json"] = "text"
    """A line of text for people, or a JSON object for programs."""


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """The collector's own metrics, those of ``/metrics``, sent by OTLP as well."""

    exporter: str
    """The exporter, of those defined, whose destination they are sent to."""
    interval: Duration = 60.0
    """How often."""

    def __post_init__(self) -> None:
        if self.interval <= 0:
            raise ValueError("interval: must be more than 0s")


@dataclass(frozen=True, slots=True)
class TelemetryConfig:
    """What the collector says about itself."""

    logs: LogsConfig = field(default_factory=LogsConfig)
    """The collector's own log."""
    metrics: MetricsConfig | None = None
    """Where its metrics are sent; without it they are on ``/metrics`` alone."""


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """How the defined components are put together."""

    pipelines: dict[str, PipelineConfig]
    """By signal, ``traces``, ``metrics`` or ``logs``, or ``signal/label``."""
    telemetry: TelemetryConfig = field(default_factory=TelemetryConfig)
    """The collector's own log."""
    drain_timeout: Duration = 10.0
    """How long a stopping collector goes on sending what it has accepted."""


@dataclass(frozen=True, slots=True)
class Sections:
    """The top of the file. The component sections are checked by each component's own class."""

    service: ServiceConfig
    receivers: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    processors: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    exporters: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    store: StoreConfig | None = field(default_factory=StoreConfig)
    """The embedded store behind the API and the dashboard; ``null`` keeps nothing; then the API
    tells how the collector does (``/metrics``, ``/health``, ``/ready``, ``/status``), of the alerts
    that there are, and no more."""
    api: ApiConfig | None = field(default_factory=ApiConfig)
    """The API and the dashboard; ``null`` serves none."""
    alerting: AlertingConfig | None = field(default_factory=AlertingConfig)
    """Rules and whom to tell; ``null`` evaluates none."""
    evaluation: EvaluationConfig | None = None
    """A model that judges a sample of the answers, and suites of questions on a schedule. Without
    the section nothing is judged."""
    journal: JournalConfig | None = None
    """Where accepted data is kept until every destination has it. Without it, what waits is in
    memory and lost with the process."""
    dead_letter: DeadLetterConfig | None = None
    """Where data is kept that a destination refused for good or that found its queue full."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole configuration: the sections, and each component's settings by its full name."""

    sections: Sections
    receivers: Mapping[str, Any]
    processors: Mapping[str, Any]
    exporters: Mapping[str, Any]
    text: str = field(default="", repr=False, compare=False)
    """The YAML it was read from, once: another look at the file may find another one, and a pipe
    is empty then."""


def read_settings(file: Path | None = None) -> Settings:
    """Read and check ``file``, or the built-in default.

    Raises ``ConfigError`` with every mistake: path, problem, suggestion.
    """
    return settings_of(default_text() if file is None else text_of(file))


def settings_of(text: str) -> Settings:
    """Check the YAML of a file. Raises as ``read_settings`` does."""
    return replace(check(load(text)), text=text)


def default_text() -> str:
    """Return the YAML of the built-in default, the same as ``collector-config/default.yaml``."""
    return (resources.files("otel_llm.service") / "default.yaml").read_text(encoding="utf-8")


def check(given: Mapping[str, Any]) -> Settings:
    """Turn a parsed file into ``Settings``. Raises ``ConfigError`` with every mistake."""
    problems: list[Problem] = []
    sections = _built(Sections, given, "", problems)
    families = {
        name: _components(given.get(name), name, table, problems)
        for name, table in components.TABLES.items()
    }
    # What a pipeline refers to is looked at even where another section is wrong.
    service = _built(ServiceConfig, given.get("service"), "service", [])
    if service is not None:
        problems += _references(service, families)
    if sections is not None:
        problems += _rules(sections.alerting)
    if problems or sections is None:
        raise ConfigError(problems)
    made: dict[str, Any] = {**families}
    return Settings(_linked(sections), **made)


def _rules(alerting: AlertingConfig | None) -> Sequence[Problem]:
    """Name the mistakes in files of rules, which are read anew by who evaluates them."""
    try:
        if alerting is not None:
            alerting.all_rules()
    except ConfigError as error:
        return error.problems
    return ()


def _linked(sections: Sections) -> Sections:
    """Let alerts link to our own pages, where nothing else is said."""
    alerting, api = sections.alerting, sections.api
    if alerting is None or api is None or not (url := api.public_url or api.url):
        return sections
    url = url.rstrip("/")
    links = {"trace_url": f"{url}/traces/{{trace_id}}"}
    # Who sends people elsewhere for traces has no use for an address of this machine alone.
    if api.public_url or alerting.trace_url is None:
        links["alert_url"] = f"{url}/alerts/{{alert_id}}"
    missing = {name: link for name, link in links.items() if getattr(alerting, name) is None}
    return replace(sections, alerting=replace(alerting, **missing))


def _built(config: type[T], given: object, path: str, problems: list[Problem]) -> T | None:
    try:
        return build(config, given, path)
    except ConfigError as error:
        problems += error.problems
        return None


def _components(
    given: object, family: str, table: Mapping[str, components.Entry], problems: list[Problem]
) -> dict[str, Any]:
    """Build the settings of every component of one section, by full name."""
    if not isinstance(given, Mapping):
        return {}  # the section itself was reported by ``build``
    built: dict[str, Any] = {}
    for key, settings in cast("Mapping[object, object]", given).items():
        name, path = str(key), f"{family}.{key}"
        kind = name.partition("/")[0]
        if kind not in table:
            hint = suggestion(kind, table)
            problems.append(Problem(path, f"unknown {family.removesuffix('s')} {kind!r}{hint}"))
            continue
        config = table[kind].config
        built[name] = _built(config, settings, path, problems)
    return built


def _references(service: ServiceConfig, families: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """Name pipelines of unknown signals and components that no section defines."""
    problems = _untellable(service, families["exporters"])
    for name, pipeline in service.pipelines.items():
        path = f"service.pipelines.{name}"
        signal = name.partition("/")[0]
        if signal not in ("traces", "metrics", "logs"):
            hint = suggestion(signal, ("traces", "metrics", "logs"))
            problems.append(Problem(path, f"unknown signal {signal!r}{hint}"))
        problems += [
            Problem(f"{path}.processors", f"{used!r} does not work on {signal}")
            for used in pipeline.processors
            if used in families["processors"] and signal not in _signals(used)
        ]
        if not pipeline.receivers:
            problems.append(Problem(f"{path}.receivers", "a pipeline needs at least one receiver"))
        problems += _misplaced(path, name, service.pipelines)
        for family, defined in families.items():
            named: tuple[str, ...] = getattr(pipeline, family)
            problems += [
                Problem(f"{path}.{family}", f"{twice!r} is named twice")
                for twice, times in Counter(named).items()
                if times > 1
            ]
            for used in named:
                if used not in defined:
                    hint = suggestion(used, defined)
                    text = f"{used!r} is not defined under {family}{hint}"
                    problems.append(Problem(f"{path}.{family}", text))
    return problems


def _untellable(service: ServiceConfig, exporters: Mapping[str, Any]) -> list[Problem]:
    """Name the exporter of our own metrics when nobody defines it."""
    metrics = service.telemetry.metrics
    if metrics is None or metrics.exporter in exporters:
        return []
    hint = suggestion(metrics.exporter, exporters)
    text = f"{metrics.exporter!r} is not defined under exporters{hint}"
    return [Problem("service.telemetry.metrics.exporter", text)]


def _misplaced(path: str, name: str, pipelines: Mapping[str, PipelineConfig]) -> Iterator[Problem]:
    """Name what waits for whole traces where it cannot."""
    for nth, used in enumerate(pipelines[name].processors, start=1):
        if used.partition("/")[0] != "sample":
            continue
        after = [kind.partition("/")[0] for kind in pipelines[name].processors[nth:]]
        if set(after) - {"batch"}:
            yield Problem(f"{path}.processors", f"{used!r} must be the last, but for 'batch'")
        if any(used in other.processors for n, other in pipelines.items() if n != name):
            text = f"{used!r} is of one pipeline; define another, such as 'sample/two'"
            yield Problem(f"{path}.processors", text)
        if (taken := f"{name}/sample") in pipelines:
            text = f"what {name!r} samples waits under this name; choose another"
            yield Problem(f"service.pipelines.{taken}", text)


def _signals(processor: str) -> Collection[str]:
    made = components.PROCESSORS[processor.partition("/")[0]].make
    return getattr(made, "signals", ("traces",))
