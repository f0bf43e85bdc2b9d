"""The Grafana dashboards we ship, as the tests read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FILES = sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
NAME = re.compile(r"\b(?:otel_llm|otelcol)_\w+")
"""A metric's name in PromQL."""


def load(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text("utf-8"))


def targets(board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every query of a dashboard, with the title of its panel."""
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target


def filled(query: str, interval: str, span: str) -> str:
    """The query as Grafana sends it with every service and model chosen."""
    for variable, value in (
        ("$__rate_interval", interval),
        ("$__range", span),
        ("$service", ".*"),
        ("$model", ".*"),
    ):
        query = query.replace(variable, value)
    assert "$" not in query, query
    return query
