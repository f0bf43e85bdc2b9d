"""``otel-llm replay FILE [--to DESTINATION]``: send a dead letter again."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from otel_llm.collector.components import EXPORTERS
from otel_llm.collector.errors import Malformed
from otel_llm.collector.exporters.otlp import OtlpExporterConfig
from otel_llm.collector.exporters.otlphttp import OtlpHttpExporterConfig
from otel_llm.collector.sending.dead_letter import safe_name
from otel_llm.collector.sending.replay import Replayed, replay
from otel_llm.config import ConfigError, Problem
from otel_llm.config.problem import suggestion

from .settings import read_settings

_SHOWN: Final = 10
"""Broken lines that are named."""


def run(file: Path, to: str | None = None, config: Path | None = None) -> int:
    """Send every request of ``file`` again and say what came of it; returns the exit code.

    ``to`` is an exporter of the configuration or an endpoint (``grpc://host:port``,
    ``http://host:port``); without it, the exporter that the file is named after, or the only
    one. Returns 1 when
    anything was refused or the file is none. Raises ``ConfigError`` for a destination that is
    not there.
    """
    if not file.exists():  # before asking whose dead letter it is
        print(f"otel-llm: {file}: No such file or directory", file=sys.stderr)
        return 1
    name, settings = _destination(file, to, config)
    exporter = EXPORTERS[name.partition("/")[0]].make(settings)
    try:
        replayed = replay(file, name, exporter, settings)
    except OSError as error:
        print(f"otel-llm: {file}: {error.strerror}", file=sys.stderr)
        return 1
    except Malformed as error:
        print(f"otel-llm: {file} holds no OTLP JSON lines: {error}", file=sys.stderr)
        return 1
    finally:
        exporter.close()
    print(_said(replayed, to or name))
    return 1 if replayed.refused or replayed.broken or replayed.ended_early else 0


def _destination(file: Path, to: str | None, config: Path | None) -> tuple[str, Any]:
    if to and to.startswith("grpc://"):
        return "otlp", OtlpExporterConfig(to.replace("grpc://", "http://", 1))
    if to and to.startswith(("http://", "https://")):
        return "otlphttp", OtlpHttpExporterConfig(to)
    exporters = read_settings(config).exporters
    name = to or _named_after(file, exporters)
    if name not in exporters:
        hint = suggestion(name, exporters)
        what = f"no exporter {name!r}" if name else "no exporter"
        raise ConfigError([Problem("", f"{what} to send {file.name} to{hint}; say which by --to")])
    return name, exporters[name]


def _named_after(file: Path, exporters: Mapping[str, Any]) -> str:
    """Return the exporter whose dead letter ``file`` is, else the only one there is."""
    stem = file.stem.rpartition("-")[0]
    only = next(iter(exporters)) if len(exporters) == 1 else ""
    return next((name for name in exporters if safe_name(name) == stem), only)


def _said(replayed: Replayed, destination: str) -> str:
    lines = [f"{replayed.sent} items sent to {destination}"]
    lines += [f"{items} items refused: {reason}" for reason, items in replayed.refused.items()]
    if replayed.broken:
        lines += [*replayed.broken[:_SHOWN], f"{len(replayed.broken)} lines were passed over"]
    if replayed.ended_early:
        lines.append("the destination does not answer; what follows was not sent")
    return "\n".join(lines)
