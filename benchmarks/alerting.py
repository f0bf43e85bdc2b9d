"""What alerting costs: a call counted, and 500 rules over 10,000 label sets every 15 seconds.

    python -m benchmarks.alerting

Prints the CPU time of one evaluation as a share of one core at the default interval, with all
alerts quiet and with all 10,000 firing, and what it costs to count a call into the windows.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from otel_llm.alerting.dispatch import Dispatcher, Target
from otel_llm.alerting.engine import RuleEngine
from otel_llm.alerting.routing import Route
from otel_llm.alerting.rule import Rule
from otel_llm.genai import Call, Cost, Usage
from otel_llm.stats import Windows

RULES, LABEL_SETS, INTERVAL_S = 500, 10_000, 15.0
SIGNALS = ("error_rate", "duration_p95", "cost", "mean_tokens", "calls")
NOW = 1_800_000_000.0


def main() -> None:
    """Run every measurement and print it."""
    print(f"{RULES} rules, {LABEL_SETS} label sets, evaluated every {INTERVAL_S:.0f} s")
    for threshold, what in ((1e12, "all quiet"), (-1.0, "all firing")):
        _report(what, *_evaluation(threshold))
    for users in (10, 10_000):
        print(f"count a call, {users:6} users  {_counting(users):6.2f} µs, spreading included")


def _report(what: str, cpu_s: float, alerts: int) -> None:
    share = cpu_s / INTERVAL_S
    print(
        f"evaluate, {what:10} {cpu_s * 1000:8.1f} ms CPU  {share:6.2%} of a core, {alerts} alerts"
    )


def _evaluation(threshold: float) -> tuple[float, int]:
    """Return CPU seconds of one evaluation in the steady state, and how many alerts there are."""
    windows = Windows()
    dispatcher = Dispatcher((Route(("chat",)),), {"chat": Target()}, lambda name, message: None)
    engine = RuleEngine(_rules(threshold), windows, dispatcher.process, lambda: NOW)
    clock = NOW
    spent: list[float] = []
    alerts = 0
    for _ in range(5):
        clock += INTERVAL_S
        windows.observe(_calls(LABEL_SETS, clock), clock)
        took, alerts = _timed(lambda at=clock: len(engine.evaluate(at)))
        spent.append(took)
        engine.export(changed_only=True)
    return sorted(spent[1:])[len(spent) // 2 - 1], alerts


def _rules(threshold: float) -> list[Rule]:
    """Every rule watches one team's users: 500 teams of 20 users are 10,000 label sets."""
    return [
        Rule(
            f"Rule{i}",
            SIGNALS[i % len(SIGNALS)],
            threshold,
            filters={"team": f"team-{i}"},
            group_by=("user",),
            annotations={"summary": "{{ $labels.user }}: {{ $value | humanize }}"},
        )
        for i in range(RULES)
    ]


def _calls(count: int, now: float, users: int = LABEL_SETS) -> list[Call]:
    chance = random.Random(1)
    calls: list[Call] = []
    for i in range(count):
        took = chance.lognormvariate(0, 1)
        user = i % users
        calls.append(
            Call(
                f"{i:032x}",
                f"{i:016x}",
                None,
                "chat",
                round((now - took) * 1e9),
                round(now * 1e9),
                operation="chat",
                request_model="gpt-4o",
                usage=Usage(1000, 100),
                cost=Cost(0.01),
                flags=(),
                user_id=f"user-{user}",
                team=f"team-{user % RULES}",
            )
        )
    return calls


def _counting(users: int) -> float:
    """Return µs per call at 1,000 calls a second with the rules of the last measurement."""
    windows = Windows()
    RuleEngine(_rules(1e12), windows, lambda alerts, at: None, lambda: NOW)
    calls = _calls(15_000, NOW, users)

    def count() -> int:
        for start in range(0, len(calls), 100):
            windows.observe(calls[start : start + 100], NOW)
        windows.advance(NOW)
        return 0

    return _timed(count)[0] / len(calls) * 1e6


def _timed(run: Callable[[], int]) -> tuple[float, int]:
    began = time.process_time()
    result = run()
    return time.process_time() - began, result


if __name__ == "__main__":
    main()
