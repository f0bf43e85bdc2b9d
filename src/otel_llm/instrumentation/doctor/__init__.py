"""What ``otel-llm doctor`` finds out: is each SDK's every call really patched, does the endpoint
answer, and what would be captured.

It imports every SDK that is installed and patches it, so it belongs into a process of its own.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version

from opentelemetry.instrumentation.dependencies import get_dependency_conflicts
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider

from ..core import LLMInstrumentor
from ..core.instrumentor import Binding
from ..core.natives import native
from ..core.rivals import GROUP
from ..core.settings import Settings
from .delivery import delivery
from .finding import Finding, logged
from .naming import OURS, misnamed


def examine(environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Look at every instrumentor of ours, then at the endpoint and the settings. Raises nothing."""
    installed = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    ours = [entry.name.removeprefix(OURS) for entry in installed if _ours(entry)]
    others = {e: _about(e.name, ours) for e in installed if not _ours(e)}
    disabled = _names(environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", ""))
    found = False
    for entry in filter(_ours, installed):
        for finding in _sdk(entry, others, disabled, environ):
            found = True
            yield finding
    if not found:
        yield Finding("sdks", "warning", "none that could be traced is installed here", _NO_SDK_FIX)
    yield from delivery(environ)
    yield from misnamed(environ, disabled, {entry.name for entry in installed})
    yield from _content(environ)


_NO_SDK_FIX = "ask where the application runs: with the otel-llm of its own environment"


def _ours(entry: EntryPoint) -> bool:
    return entry.value.startswith("otel_llm.")


def _names(listed: str) -> frozenset[str]:
    return frozenset(name.strip() for name in listed.split(",") if name.strip())


def _sdk(
    entry: EntryPoint,
    others: Mapping[EntryPoint, str | None],
    disabled: frozenset[str],
    environ: Mapping[str, str],
) -> Iterator[Finding]:
    kind: type[LLMInstrumentor] = entry.load()
    found = _installed(kind)
    if found is None:
        return
    package, subject = found[0], f"{found[0]} {found[1]}"
    if entry.name in disabled or "*" in disabled:
        fix = f"take {entry.name} out of OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
        yield Finding(subject, "warning", "not traced: switched off", fix)
        return
    if conflict := get_dependency_conflicts(kind.requires):
        fix = f"pip install '{str(conflict.required).replace(' ', '')}'"
        yield Finding(subject, "error", f"not traced: needs {conflict.required}", fix)
        return
    yield _bound(kind, subject)
    if (said := native(package, found[1], environ)) is not None:
        yield Finding(subject, "warning" if said.fix else "ok", said.text, said.fix)
    sdk = entry.name.removeprefix(OURS)
    same = [other for other, about in others.items() if about == sdk]
    yield from _rivals(subject, same, disabled)


def _installed(kind: type[LLMInstrumentor]) -> tuple[str, str] | None:
    """Return name and version of the first required distribution that is there."""
    for requirement in kind.requires:
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        try:
            if match:
                return match[0], version(match[0])
        except PackageNotFoundError:
            continue
    return None


def _bound(kind: type[LLMInstrumentor], subject: str) -> Finding:
    """Patch the SDK for real and see what became of every target."""
    instrumentor = kind()
    instrumentor.instrument(
        tracer_provider=NoOpTracerProvider(), meter_provider=NoOpMeterProvider()
    )
    try:
        unimportable = list(_import(kind))
        members = list(members_of(kind))
        details = (*map(_described, kind.bindings), *(f"bound    {name}" for name in members))
        bound = sum(b.state == "bound" for b in kind.bindings)
        missing = sum(b.state != "bound" and not _optional(b) for b in kind.bindings)
    finally:
        instrumentor.uninstrument()
    text = f"{bound} of {bound + missing} targets bound"
    text += f", {len(members)} methods of subclasses" if members else ""
    if not missing:
        return Finding(subject, "ok", text, details=details)
    why = f"; cannot import {', '.join(unimportable)}" if unimportable else ""
    fix = "this version moved a method: report it, or install the newest version that is supported"
    return Finding(subject, "error", text + why, fix, details)


def _import(kind: type[LLMInstrumentor]) -> Iterator[str]:
    """Import every module with a target; yield those that cannot be."""
    for module in dict.fromkeys(binding.patch.module for binding in kind.bindings):
        try:
            with warnings.catch_warnings(action="ignore"):
                importlib.import_module(module)
        except Exception as error:  # noqa: BLE001 - an SDK may fail to import in any way
            if not all(_optional(b) for b in kind.bindings if b.patch.module == module):
                yield f"{module} ({type(error).__name__})"


def members_of(kind: type[LLMInstrumentor]) -> Iterator[str]:
    """Import what is installed of subclasses; yield their methods that are patched."""
    for family in kind.families:
        for namespace in family.namespaces:
            for name in _packages(namespace):
                with suppress(Exception), warnings.catch_warnings(action="ignore"):
                    importlib.import_module(name)
        yield from family.bound()


def _packages(namespace: str) -> Iterator[str]:
    with suppress(ImportError):
        path = importlib.import_module(namespace).__path__
        yield from (found.name for found in pkgutil.iter_modules(path, f"{namespace}."))


def _optional(binding: Binding) -> bool:
    """Whether not every supported version has the target."""
    return bool(getattr(binding.patch, "optional", False))


def _described(binding: Binding) -> str:
    name = f"{binding.patch.module}.{binding.patch.name}"
    missing = "absent" if _optional(binding) else "unbound"  # absent: not in this version
    state = binding.state if binding.state == "bound" else missing
    also = f", instrumented before us by {binding.foreign}" if binding.foreign else ""
    return f"{state:8} {name}{also}"


def _about(name: str, sdks: Sequence[str]) -> str | None:
    """Return the SDK that an instrumentation is for by its name; of several the longest."""
    words = re.split(r"[._-]", name.lower())
    ends = ["".join(words[n:]) for n in range(len(words))]
    fitting = [sdk for sdk in sdks if any(end.startswith(_called(sdk)) for end in ends)]
    return max(fitting, key=len, default=None)


def _called(sdk: str) -> tuple[str, ...]:
    return (sdk.replace("_", ""), *_ALSO.get(sdk, ()))


_ALSO = {"bedrock": ("botocore", "aiobotocore"), "google_genai": ("googlegenerativeai",)}
"""What others call their instrumentation of an SDK."""


def _rivals(
    subject: str, others: Sequence[EntryPoint], disabled: frozenset[str]
) -> Iterator[Finding]:
    """Name instrumentations by others that load too and see the same calls."""
    loading = [entry for entry in others if entry.name not in disabled]
    for by in dict.fromkeys(map(_maker, loading)):
        if by.startswith(_PEACEFUL):
            yield Finding(
                subject, "ok", f"also instrumented by {by}: one span per call all the same"
            )
        else:
            names = ",".join(entry.name for entry in loading if _maker(entry) == by)
            fix = f"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={names}"
            yield Finding(subject, "warning", f"also instrumented by {by}: calls may double", fix)


def _maker(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value


_PEACEFUL = ("opentelemetry-instrumentation-botocore", "opentelemetry-instrumentation-genai-")
"""Whose marks we know and who know ours, or whose GenAI part is left out (see ``vendors``)."""


def _content(environ: Mapping[str, str]) -> Iterator[Finding]:
    with logged("otel_llm.instrumentation.core.settings") as mistakes:
        settings = Settings.from_environment(environ)
    for mistake in mistakes:
        yield Finding("settings", "warning", mistake.removeprefix("otel-llm: "))
    mode = settings.capture
    if mode.on_span or mode.on_event:
        taken = f", without {' and '.join(settings.redact)}" if settings.redact else ""
        text = f"{mode.name}: prompts and answers leave the process{taken}"
        yield Finding("content", "warning", text, None if taken else _REDACT_FIX)
    else:
        yield Finding("content", "ok", "NO_CONTENT: no message leaves the process")
    if "hash" in settings.derive and not settings.hash_key:
        yield Finding("content", "warning", "no hashes: they need a key", _HASH_FIX)


_REDACT_FIX = "OTEL_LLM_REDACT=secrets,pii takes keys and personal data out of them"
_HASH_FIX = "OTEL_LLM_HASH_KEY=… with a secret that all your processes share"
