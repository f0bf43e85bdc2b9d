"""The base class that turns a table of patches into an OpenTelemetry instrumentor."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar, Literal

import wrapt
from opentelemetry.instrumentation.dependencies import get_dependency_conflicts
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from . import requests, undone
from .families import Family
from .guard import guarded
from .patch import Hook, Origin, Patch
from .patched import Patched
from .rivals import Rival, rivals
from .settings import Settings
from .telemetry import Telemetry
from .unseen_importlib_bootstrap.hooks import hooked
from .unseen_importlib_bootstrap.wrapper import wrapper_for

_log = logging.getLogger(__name__)

State = Literal["pending", "bound", "unbound"]


@dataclass(slots=True)
class Binding:
    """What became of one patch or hook. ``otel-llm doctor`` reads these."""

    patch: Patch | Hook
    state: State = "pending"
    """``pending``: the SDK's module was not imported yet. ``unbound``: it has no such method."""
    foreign: str | None = None
    """Module of another instrumentation that had wrapped the method before us."""
    place: tuple[Any, str, Any, bool] | None = None
    """Owner, attribute, original, and whether the owner itself had it."""


class LLMInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Subclass it, fill in the class variables and ``origin``, and the SDK is instrumented.

    ``requires`` is checked here because the loader skips its own check for a distribution that
    ships many instrumentors (opentelemetry-instrumentation 0.66b2, ``auto_instrumentation``). An
    SDK that is missing, or of a version not tested, is left alone; nothing here raises, since
    that would stop the loader before everybody who comes after us.
    """

    requires: ClassVar[tuple[str, ...]]
    """Versions of the SDK this was tested with, like ``("openai >= 2, < 4",)``."""
    provider: ClassVar[str] = "_OTHER"
    """Value of ``gen_ai.provider.name`` for SDKs that speak to one provider only."""
    patches: ClassVar[Sequence[Patch]]
    hooks: ClassVar[Sequence[Hook]] = ()
    """Functions that are no calls, never the same as a patch."""
    families: ClassVar[Sequence[Family]] = ()
    """Base classes of which every subclass is patched."""

    telemetry: Telemetry | None = None
    """``None`` while not instrumenting."""
    bindings: tuple[Binding, ...] = ()
    """What became of each, in the order of ``hooks`` and ``patches``."""
    warned: ClassVar[set[Rival]]
    """Whom the user was warned of."""

    def __init_subclass__(cls) -> None:
        # BaseInstrumentor keeps its singleton on the class, where a subclass would inherit it,
        # and runs __init__ at every use, so that state can only be kept here.
        super().__init_subclass__()
        cls._instance = None
        cls._is_instrumented_by_opentelemetry = False
        cls.telemetry = None
        cls.bindings = ()
        cls.warned = set()

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Say whom a call goes to, from the resource it was called on and its arguments."""
        return Origin(self.provider)

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the SDK versions this instrumentor was tested with."""
        return self.requires

    def instrument(self, **kwargs: Any) -> None:
        """Patch the SDK as soon as it is imported.

        Takes ``tracer_provider``, ``meter_provider`` and ``logger_provider`` (the global ones by
        default) and every field of ``Settings`` by name, which wins over its variable.
        """
        kwargs.pop("skip_dep_check", None)
        kwargs.pop("raise_exception_on_conflict", None)
        conflict = get_dependency_conflicts(self.requires)
        if conflict is None:
            super().instrument(skip_dep_check=True, **kwargs)
        elif conflict.found is None:
            _log.debug("otel-llm: %s is not installed", conflict.required)
        else:
            _log.warning(
                "otel-llm: %s needs %s and found %s; not traced",
                type(self).__name__,
                conflict.required,
                conflict.found,
            )

    def _instrument(self, **kwargs: Any) -> None:
        providers = {
            name: kwargs.pop(name, None)
            for name in ("tracer_provider", "meter_provider", "logger_provider")
        }
        settings = Settings.from_environment(**kwargs)
        kind = type(self)
        kind.telemetry = Telemetry(kind.__module__, settings, **providers)
        if settings.request_metrics:
            requests.watch()
        targets = (*self.hooks, *self.patches)
        kind.bindings = kind.bindings or tuple(Binding(target) for target in targets)
        for module in dict.fromkeys(target.module for target in targets):
            wrapt.register_post_import_hook(self._imported, module)
        for family in self.families:
            family.wrap_all()
        undone.watch(self)

    def stand_aside(self) -> None:
        """Put the originals back, until ``stand_again``; a call meanwhile is not traced."""
        for binding in self.bindings:
            with guarded("restoring a patched method"):
                _unbind(binding)

    def stand_again(self) -> None:
        """Patch what is there now."""
        for name in dict.fromkeys(binding.patch.module for binding in self.bindings):
            if (module := sys.modules.get(name)) is not None:
                self._bind_all(module)

    def _imported(self, module: ModuleType) -> None:
        if self.telemetry is None:
            return
        self._bind_all(module)
        with guarded("looking for other instrumentations"):
            self._warn_of_rivals()

    def _bind_all(self, module: ModuleType) -> None:
        for binding in self.bindings:
            if binding.patch.module == module.__name__ and not _is_bound(binding):
                # Raising here would make the user's own import fail.
                with guarded(f"patching {binding.patch.module}"):
                    self._bind(binding, module)

    def _warn_of_rivals(self) -> None:
        """Name those who trace the same SDK, once; most were made before it is imported."""
        for rival in rivals(self.requires):
            if rival not in self.warned:
                self.warned.add(rival)
                message = "otel-llm: %s is traced by %s too, calls may have two spans; %s"
                _log.warning(message, self.requires[0].split()[0], rival.module, rival.fix)

    def _bind(self, binding: Binding, module: ModuleType) -> None:
        patch = binding.patch
        try:
            owner, attribute, original = _resolve(module, patch.name)
        except AttributeError:
            binding.state = "unbound"
            if not patch.optional:
                _log.warning("otel-llm: %s has no %s; not traced", patch.module, patch.name)
            return
        binding.foreign = _foreign(original)
        binding.place = (owner, attribute, original, attribute in vars(owner))
        hook = isinstance(patch, Hook)
        wrapper = hooked(self, patch) if hook else wrapper_for(self, patch, original)
        wrapt.apply_patch(owner, attribute, Patched(original, wrapper))
        binding.state = "bound"

    def _uninstrument(self, **kwargs: Any) -> None:
        if self.telemetry is not None and self.telemetry.settings.request_metrics:
            requests.unwatch()
        undone.unwatch(self)
        type(self).telemetry = None
        self.stand_aside()
        for family in self.families:
            with guarded("restoring the methods of subclasses"):
                family.unwrap_all()


def _resolve(module: ModuleType, name: str) -> tuple[Any, str, Any]:
    return wrapt.resolve_path(module, name)


def _foreign(original: Any) -> str | None:
    wrapper = getattr(original, "_self_wrapper", None)  # a wrapt.FunctionWrapper has one
    return None if wrapper is None else str(getattr(wrapper, "__module__", "unknown"))


def _own(owner: Any, attribute: str) -> Any:
    return owner.__dict__.get(attribute)


def _is_bound(binding: Binding) -> bool:
    """Return whether it still holds: a mock that ends puts back what it found."""
    if binding.state != "bound" or binding.place is None:
        return False
    found, seen = _own(*binding.place[:2]), 0
    while found is not None and not isinstance(found, Patched) and seen < _DEEPEST:
        found, seen = getattr(found, "__wrapped__", None), seen + 1
    return isinstance(found, Patched)


_DEEPEST = 16
"""Others' wrappers around ours, beyond which nobody looks."""


def _unbind(binding: Binding) -> None:
    """Put the original back, unless somebody wrapped our wrapper: that stays and passes through."""
    if binding.place is None:
        return
    owner, attribute, original, own = binding.place
    if not isinstance(_own(owner, attribute), Patched):
        return
    if own:
        setattr(owner, attribute, original)
    else:
        delattr(owner, attribute)
    binding.place, binding.state = None, "pending"
