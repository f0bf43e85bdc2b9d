"""SDKs that trace themselves: what they do, and what becomes of it beside our spans.

``otel-llm doctor`` tells it; the instrumentors do it, each in its own file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from packaging.version import Version


@dataclass(frozen=True, slots=True)
class Native:
    """What one installed SDK does by itself."""

    text: str
    fix: str | None = None
    """The line that ends it, where it is not silent beside us."""


_Told: TypeAlias = Callable[[Version, Mapping[str, str]], Native | None]


def native(package: str, version: str, environ: Mapping[str, str]) -> Native | None:
    """Say what the SDK traces by itself, as installed and as switched; ``None``: nothing."""
    told = _TOLD.get(package)
    return None if told is None else told(Version(version), environ)


def _anthropic(version: Version, environ: Mapping[str, str]) -> Native | None:
    off = environ.get("ANTHROPIC_OPEN_TELEMETRY", "").strip().lower() in ("false", "0")
    if off or version < Version("1.17"):
        return None
    return Native("traces itself: its span of a message is left out, those of tools stay")


def _mistral(version: Version, environ: Mapping[str, str]) -> Native | None:
    match environ.get("MISTRAL_SDK_TELEMETRY", "").strip().lower():
        case "global":
            return Native("traces itself: silent inside calls of ours")
        case "dedicated":
            text = "traces itself a second time, to a provider of its own, with message content"
            return Native(text, "unset MISTRAL_SDK_TELEMETRY")
        case _:
            return None


def _litellm(version: Version, environ: Mapping[str, str]) -> Native | None:
    return Native("calls are left to its own OpenTelemetry callback where that is registered")


_TOLD: Final[Mapping[str, _Told]] = {
    "anthropic": _anthropic,
    "litellm": _litellm,
    "mistralai": _mistral,
}
