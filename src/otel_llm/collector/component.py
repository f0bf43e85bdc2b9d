"""What the parts of a pipeline promise each other.

A component is one file: its ``…Config`` (a frozen dataclass, what an operator writes), its class,
its docstring. ``components.py`` lists them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from otel_llm.genai import Call

Signal = Literal["traces", "metrics", "logs"]

Kept = Future[None] | None
"""``None``: we answer for the data now. A future: we do when it ends well; it fails with
``Refused``."""

Forward = Callable[[Signal, bytes], Kept]
"""Takes one export request as OTLP protobuf bytes to where it waits to be sent; raises ``Refused``
when there is no room. Thread-safe; it does no network I/O and waits for no disk."""


@dataclass(slots=True)
class Arrival:
    """How a request came, and what of it was not taken."""

    receiver: str = ""
    """The name of the component; empty for what comes from nowhere outside."""
    transport: str = ""
    """``grpc`` or ``http``."""
    rejected: dict[str, int] = field(default_factory=dict[str, int])
    """Items that a pipeline had to take out, and lost, by reason: the sender is told."""
    is_counted: bool = False
    """Whether the sender was answered for it, and its items were counted then."""
    is_shown: Callable[[], bool] = lambda: True
    """Whether observers are to see it, asked once it is kept: at a start, who keeps calls reads
    first what is kept by then."""

    def reject(self, count: int, reason: str) -> None:
        """Note that a pipeline does not take ``count`` items: the same ones as another one."""
        if count:
            self.rejected[reason] = max(self.rejected.get(reason, 0), count)


class Consume(Protocol):
    """Takes one export request as OTLP protobuf bytes, and returns from when on we answer for it;
    raises ``Refused`` when there is no room and ``Permanent`` when the bytes are no OTLP.
    Thread-safe. Called from an event loop's thread: it does no network I/O and waits for no disk.
    """

    def __call__(self, signal: Signal, payload: bytes, arrival: Arrival, /) -> Kept:
        """Take ``payload``; note in ``arrival`` what of it is not taken."""
        ...


Bury = Callable[[Signal, bytes, str], object]
"""Keeps what of a request was rejected for good, with the reason. Returns at once."""


class Receiver(Protocol):
    """The near end: accepts data from senders and gives it to ``Consume``."""

    def start(self, consume: Consume, bury: Bury | None = None) -> None:
        """Bind and serve in the background. Raises ``OSError`` when the address is taken. What is
        rejected while its neighbours are taken goes to ``bury``."""
        ...

    def leave(self, grace_s: float) -> Kept:
        """Refuse new requests and begin to release the address, at once; return what ends when
        those under way have been finished, or ``grace_s`` seconds are over."""
        ...

    def stop(self, grace_s: float) -> None:
        """As ``leave``, but wait for that end. Safe to call twice."""
        ...


class Processor(Protocol):
    """Looks at a batch and changes its spans. No I/O, no waiting, no clock of its own.

    Raises nothing on odd data: a span that cannot be enriched is passed on as it came, and what is
    raised after all costs no other span (``to_each``). Called from several threads; state that is
    shared is guarded by the processor.

    A class may say more by class variables: ``signals`` (which it works on, else only traces),
    ``reads_dialects`` (it wants spans that speak only another dialect too) and ``fails_closed``
    (nothing may go on without its work: what it raises is answered to the sender).
    """

    def process(self, batch: Any) -> None:
        """Change ``batch`` in place: a ``Batch`` of spans through its ``SpanView``s; ``Records`` of
        another signal where the class says that it takes them."""
        ...


_Item = TypeVar("_Item")


def to_each(items: Iterable[_Item], do: Callable[[_Item], object]) -> None:
    """Do it to all of them. One that it cannot be done to costs the others nothing: what was raised
    first is raised again when they had their turn."""
    raised: Exception | None = None
    for item in items:
        try:
            do(item)
        except Exception as error:  # noqa: BLE001 - its neighbours did nothing wrong
            raised = raised or error
    if raised is not None:
        raise raised


class Exporter(Protocol):
    """The far end. Waiting, retrying, queueing happen around it (``sending``), never inside."""

    def export(self, signal: Signal, payload: bytes) -> None:
        """Deliver one export request, once, blocking. Raises ``Retryable`` or ``Permanent``."""
        ...

    def close(self) -> None:
        """Release connections. Safe to call twice."""
        ...


class Observer(Protocol):
    """Sees every GenAI call after processing: the store, the totals, the alert windows."""

    def observe(self, calls: Sequence[Call]) -> None:
        """Take note. Fast, never raises, never blocks: heavy work goes to the observer's own
        thread."""
        ...
