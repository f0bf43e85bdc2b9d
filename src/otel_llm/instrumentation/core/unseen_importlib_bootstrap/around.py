"""Put an activity around a function of a framework: an agent, a workflow, a tool, a retriever.

The activity is current while the function really runs, in whatever thread or task that is; a
framework's own callbacks run elsewhere and would make it current in the wrong place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from opentelemetry.context import Context, get_current
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from ..activity import Activity
from ..guard import guarded, swallowed
from ..operation import type_name
from ..telemetry import Telemetry
from .following import Following
from .generators import is_generator, stand_in
from .scope import Scope

Wrapper: TypeAlias = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]


@dataclass(slots=True, eq=False)
class Around:
    """What is around one call of the function; without an activity, nothing is.

    It ends with the call, or with the last of the streams that were held inside of it.
    """

    activity: Activity | None = None
    inside: Context | None = None
    """What is current inside, in place of the activity's own context; also without one."""
    result: Callable[[Activity, Any], None] | None = None
    """Reads what the function returned; asked only where content is captured."""
    outcome: Callable[[Any], str | None] | None = None
    """Reads ``error.type`` off what the function returned, where a failure is no exception."""
    no_error: Callable[[BaseException], bool] | None = None
    """Which exceptions are no failures, because the framework steers by them."""
    failed: str | None = None
    """``error.type`` by what the function returned."""
    streamed: str | None = None
    """Attribute of what the function returned; the activity lasts as long as a generator there."""
    _lasting: set[Any] = field(default_factory=set[Any])
    """The streams that are still to be read."""
    _returned: bool = False

    @property
    def context(self) -> Context:
        """What is current inside."""
        if self.inside is not None:
            return self.inside
        return get_current() if self.activity is None else self.activity.context

    def hold(self, stream: Any) -> Any:
        """Return what reads ``stream``, a plain generator, until whose end this goes on."""
        held = _Held(self)
        self._lasting.add(held)
        return stand_in(stream, Following(held))

    def end(self, error: BaseException | None = None) -> None:
        """End it, as an error if there is one, as soon as no stream is left."""
        self._returned = True
        self._finish(error)

    def let_go(self, held: _Held, error: BaseException | None) -> None:
        """End it too, if that was the last stream and the call has returned."""
        self._lasting.discard(held)
        self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        with guarded("judging an exception of a framework"):
            if error is not None and self.no_error is not None and self.no_error(error):
                error = None
        if error is not None:
            self.failed = type_name(error)
        if self.activity is not None and self._returned and not self._lasting:
            self.activity.end(self.failed)
            self.inside = None  # which may lead back here

    def note(self, function: Any, args: Any, kwargs: Any, result: Any) -> None:
        """Keep what the function returned, where content is captured, and whether it failed."""
        if is_generator(result):
            return
        if self.streamed is not None:
            self._last(result, self.streamed)
        if self.outcome is not None:
            self.failed = self.outcome(result)
        if self.activity is not None and self.result is not None and self.activity.captures:
            self.result(self.activity, result)

    def _last(self, result: Any, name: str) -> None:
        """Go on until what ``result`` streams is read, if that is so."""
        stream = getattr(result, "__dict__", {}).get(name)
        if is_generator(stream):
            setattr(result, name, self.hold(stream))


@dataclass(slots=True, eq=False)
class _Held:
    """One stream on account of which an activity goes on."""

    around: Around

    @property
    def context(self) -> Context:
        return self.around.context

    def end(self, error: BaseException | None = None) -> None:
        self.around.let_go(self, error)


Begin: TypeAlias = Callable[[Telemetry, Any, Mapping[str, Any]], Around]
"""Begins an activity for one call: from the instance and the arguments by name."""


def around(
    telemetry: Callable[[], Telemetry | None], begin: Begin, positional: tuple[str, ...] = ()
) -> Wrapper:
    """Return the wrapper of a ``Hook`` that puts what ``begin`` begins around each call.

    For functions, coroutines, generators and asynchronous generators; the latter three begin when
    they are run. ``positional`` names the parameters after ``self``.
    """

    def wrapper(
        wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        def open() -> Around:
            live = telemetry()
            # Uninstrumented before it was run, or the program wants nothing of this.
            if live is None or not is_instrumentation_enabled():
                return Around()
            try:
                named = {**dict(zip(positional, args, strict=False)), **kwargs}
                return begin(live, instance, named)
            except Exception as error:  # noqa: BLE001 - ours, in the middle of the user's call
                swallowed("beginning an activity", error)
                return Around()

        return Scope(open)(wrapped)(*args, **kwargs)

    return wrapper
