"""What an operator writes under ``alerting:``."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from otel_llm.config import ConfigError, Problem, build, load
from otel_llm.config.problem import suggestion
from otel_llm.config.units import Duration

from . import notifiers
from .budgets import BudgetConfig
from .reports import ReportConfig
from .routing import Inhibition, MuteTime, Route
from .rule import Rule
from .runaway import RunawayConfig
from .watch import WatchConfig

_WEB = ("http://", "https://")
_FILLED_IN = {"trace_url": "{trace_id}", "alert_url": "{alert_id}"}


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file of rules: ``rules:`` and, beside them, what holds what back."""

    rules: tuple[Rule, ...] = ()
    """Each name once."""
    inhibit: tuple[Inhibition, ...] = ()
    """Alerts that hold others back."""


@dataclass(frozen=True, slots=True)
class AlertingConfig:
    """Rules, whom to tell, and how often to look."""

    default_rules: bool = True
    """Whether the built-in rules apply; a rule of the same name replaces one of them."""
    rules: tuple[Rule, ...] = ()
    """Rules written right here."""
    rule_files: tuple[str, ...] = ()
    """Files with ``rules:`` and ``inhibit:``; a later rule replaces one of the same name."""
    disabled_rules: tuple[str, ...] = ()
    """Names of rules that do not apply."""
    budgets: tuple[BudgetConfig, ...] = ()
    """How much may be spent, by whom, in a day, week or month."""
    runaway: RunawayConfig = field(default_factory=RunawayConfig)
    """From when on a session or trace is taken for a loop that nobody stops."""
    spending_file: str | None = None
    """A file that tells applications on this machine who is to stop spending; ``budget_ok()``
    reads it where ``OTEL_LLM_BUDGET_FILE`` names it."""
    report: ReportConfig | None = None
    """A daily report on all budgets; without the section the API alone tells it."""
    watch: WatchConfig = field(default_factory=WatchConfig)
    """Anomalies and drift of every model."""
    notifiers: dict[str, Any] = field(default_factory=lambda: {"console": None}, repr=False)
    """Whom to tell: ``kind`` or ``kind/label`` to its settings."""
    routes: tuple[Route, ...] = ()
    """Who hears of what. Without any, pagers hear of critical alerts, chat and mail of warnings
    and worse, the log and machines of everything."""
    inhibit: tuple[Inhibition, ...] = ()
    """Alerts that hold others back, beside those of the rule files."""
    mute_times: dict[str, MuteTime] = field(default_factory=dict[str, MuteTime])
    """Times of the week, by a name that routes refer to."""
    evaluation_interval: Duration = 15.0
    """How often the rules are evaluated."""
    group_wait: Duration = 30.0
    """For alerts that no route was written for: how long a new group waits for company."""
    repeat_interval: Duration = 14_400.0
    """For these too: when to say again what is still firing and not acknowledged."""
    retry_for: Duration = 3600.0
    """How long a message is tried again before it counts as undelivered."""
    max_label_sets: int = 10_000
    """The most label sets a window keeps apart; what comes after is counted as one."""
    state_path: str | None = None
    """A SQLite file that keeps alerts, silences and what was told over restarts."""
    trace_url: str | None = None
    """Where those who are told can look at a trace; ``{trace_id}`` is filled in. By default the
    page at ``api.public_url`` or ``api.endpoint``, which only this machine reaches unless that is
    changed."""
    alert_url: str | None = None
    """Where those who are told can look at an alert and take it on; ``{alert_id}`` is filled in.
    By default the page at ``api.public_url`` or, while ``trace_url`` leads there, too, at
    ``api.endpoint``."""
    runbook_url: str | None = None
    """Where those who are told read what to do; ``{rule}`` is filled in. For rules without an
    annotation ``runbook_url`` of their own."""

    def __post_init__(self) -> None:
        problems = [*self._bad_notifiers(), *self._bad_routes(), *self._bad_report()]
        if not 0 < self.evaluation_interval < float("inf"):
            problems.append(Problem("evaluation_interval", "must be more than 0s"))
        problems += self._bad_links()
        if self.runbook_url is not None and not self.runbook_url.startswith(_WEB):
            problems.append(Problem("runbook_url", "must begin with http:// or https://"))
        if len({budget.name for budget in self.budgets}) < len(self.budgets):
            problems.append(Problem("budgets", "two have the same name"))
        if problems:
            raise ConfigError(problems)

    def _bad_notifiers(self) -> list[Problem]:
        problems: list[Problem] = []
        for name, given in self.notifiers.items():
            try:
                notifiers.settings(name, given)
            except ConfigError as error:
                problems += [Problem(f"notifiers.{p.path}", p.text) for p in error.problems]
        return problems

    def _bad_routes(self) -> list[Problem]:
        problems: list[Problem] = []
        for i, route in enumerate(self.routes):
            for given, known in (("notifiers", self.notifiers), ("mute", self.mute_times)):
                for name in getattr(route, given):
                    if name not in known:
                        hint = suggestion(name, known)
                        path = f"routes[{i}].{given}"
                        problems.append(Problem(path, f"{name!r} is not defined{hint}"))
        return problems

    def _bad_links(self) -> list[Problem]:
        return [
            Problem(name, f"must begin with http:// or https:// and contain {part}")
            for name, part in _FILLED_IN.items()
            if (url := getattr(self, name)) is not None
            and not (url.startswith(_WEB) and part in url)
        ]

    def _bad_report(self) -> list[Problem]:
        problems: list[Problem] = []
        for name in self.report.notifiers if self.report else ():
            if name not in self.notifiers:
                text = f"{name!r} is not defined{suggestion(name, self.notifiers)}"
                problems.append(Problem("report.notifiers", text))
            elif not notifiers.entry(name).reports:
                problems.append(Problem("report.notifiers", f"{name!r} takes no reports"))
        return problems

    def all_rules(self) -> tuple[tuple[Rule, ...], tuple[Inhibition, ...]]:
        """Return the rules that apply and what holds what back, files read.

        Raises ``ConfigError`` for a file that cannot be read or has mistakes.
        """
        files = [*([default_rules()] if self.default_rules else []), *map(read, self.rule_files)]
        files.append(_unique(RuleFile(self.rules, self.inhibit)))
        rules = {rule.name: rule for file in files for rule in file.rules}
        unknown = [name for name in self.disabled_rules if name not in rules]
        if unknown:
            hint = suggestion(unknown[0], rules)
            raise ConfigError([Problem("disabled_rules", f"no rule {unknown[0]!r}{hint}")])
        kept = tuple(rule for name, rule in rules.items() if name not in self.disabled_rules)
        return kept, tuple(inhibition for file in files for inhibition in file.inhibit)

    def all_routes(self) -> tuple[Route, ...]:
        """Return the routes as written, or one for every notifier by the kind's own measure."""
        return self.routes or tuple(self._default_route(name) for name in self.notifiers)

    def _default_route(self, name: str) -> Route:
        return Route(
            notifiers=(name,),
            severities=notifiers.severities(name),
            match=dict(notifiers.entry(name).match),
            group_wait=self.group_wait,
            repeat_interval=self.repeat_interval,
            continue_=True,
        )


def read(path: str | Path) -> RuleFile:
    """Read a file of rules. Raises ``ConfigError`` with every mistake, the file's name first."""
    try:
        return _unique(build(RuleFile, load(Path(path)), ""))
    except ConfigError as error:
        raise ConfigError(
            [Problem(f"{path}: {p.path}" if p.path else str(path), p.text) for p in error.problems]
        ) from None


def default_rules() -> RuleFile:
    """Return the built-in rules."""
    text = resources.files(__package__ or "") / "default_rules.yaml"
    return _unique(build(RuleFile, load(text.read_text(encoding="utf-8"), {}), ""))


def _unique(file: RuleFile) -> RuleFile:
    names = [rule.name for rule in file.rules]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError([Problem("rules", f"{', '.join(twice)}: more than one rule so called")])
    return file
