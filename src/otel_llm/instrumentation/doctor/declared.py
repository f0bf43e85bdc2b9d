"""Whether the SDK can use the file that ``OTEL_CONFIG_FILE`` names: only that file counts then."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from opentelemetry.sdk import environment_variables

from .finding import Finding

KNOWN = hasattr(environment_variables, "OTEL_CONFIG_FILE")
"""Whether this SDK reads such a file at all: the oldest that we run with do not."""


def declared(path: str) -> Finding:
    """Read the file as the SDK would. Where it sends to is not asked, what it holds not shown."""
    try:
        load = import_module("opentelemetry.configuration").load_config_file
    except ImportError:
        fix = "pip install opentelemetry-configuration"
        return Finding("sdk", "error", "nothing is sent: no package for OTEL_CONFIG_FILE", fix)
    try:
        said = load(path)
    except Exception as error:  # noqa: BLE001 - a file can be wrong in many ways
        return Finding("sdk", "error", f"nothing is sent: {path} {_wrong(path, error)}", _FIX)
    if said.disabled:
        return Finding("sdk", "warning", f"nothing is traced or sent: {path} says disabled")
    if said.tracer_provider is None:
        return Finding("sdk", "warning", f"no span is sent: {path} has no tracer_provider")
    return Finding("endpoint", "ok", f"not asked: traces go where {path} says")


_FIX = "the application says what is wrong with it as it starts"


def _wrong(path: str, error: Exception) -> str:
    """Return what is wrong with a file, by place and kind: the words may quote a header's key."""
    if not Path(path).is_file():
        return "is not there"
    where = ".".join(map(str, getattr(error.__cause__, "absolute_path", ())))
    kind = type(error.__cause__ or error).__name__
    return f"is not taken at {where}: {kind}" if where else f"is not taken: {kind}"
