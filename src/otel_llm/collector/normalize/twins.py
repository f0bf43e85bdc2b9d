"""One call that two instrumentations saw, neither of which knew of the other.

Some wrappers make their span nobody's parent (Langfuse's of OpenAI, OpenInference's of Anthropic's
streams): what an instrumentation inside them makes is then beside it, or in a trace of its own
where nothing is around, and few say the id of the response. Others have an exporter of their own
(Logfire), so that what is inside comes after what is around it. They are known by this: another
scope, yet the same model, tokens and outcome in the same place, or the same response to the same
input, at the same time.

Of a response that one of them counts otherwise (OpenLLMetry adds the placeholder that a stream of
Anthropic's begins with, OpenInference takes it for the answer of one that was closed) ours counts,
or that of the provider's own SDK.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.semconv import own

from ..data import facts
from .known_calls import Key, Table
from .seen_call import UNTOLD, SeenCall

if TYPE_CHECKING:
    from ..data import SpanView

OURS: Final = "otel_llm"
_RESOURCE: Final = ("service.name", "service.instance.id", "host.name")
_LONGEST_MAKER: Final = 200
_PATIENCE: Final = 10_000
"""Calls without a twin after which none are expected any more,"""
_SAMPLED: Final = 16
"""but for those of one batch in so many, until there is one."""
_SHARE: Final = 4
"""What is the same is at the same time for one part in so many of the longer one at least,"""
SLACK_NS: Final = 50_000_000
"""or for all but so much, which a wrapper may take to log a call that failed at once."""


class Twins:
    """Finds them. What is noted of earlier batches is in the table that it is given."""

    def __init__(self) -> None:
        self._single = 0
        """Calls since the last twin."""
        self._batches = 0

    def of(
        self, calls: list[SeenCall], table: Table
    ) -> Iterator[tuple[SeenCall, SeenCall | None, bytes]]:
        """Yield the calls that repeat another one, that one if it is among ``calls``, and its id.

        Those that are marked already stand for the call that they repeat. Of two, the one that
        knows the id of its response counts; of two that do and tell it differently, ours.
        """
        if not self._expected(len(calls)):
            return
        here = {call.id: call for call in calls}
        for call in sorted(calls, key=_start):
            place = _Place.of(call)
            found = place.beside_of(call, table) or place.below_of(table)
            above = None if found else here.get(call.parent)
            if above and place.is_twin_of_above(call, above):
                found = above.id
            if found is None or found == place.id:
                place.note(call, table)
                continue
            self._single = 0
            mine, twin = here.get(place.id), here.get(found)
            if twin and (place.id != call.id or place.knows_better(call, twin)):
                place.note(call, table)
                yield twin, mine, place.id
            elif mine:
                yield mine, twin, found

    def _expected(self, calls: int) -> bool:
        self._single += calls
        self._batches += 1
        return self._single <= _PATIENCE or not self._batches % _SAMPLED


def _start(call: SeenCall) -> int:
    return call.span.start_ns


class _Place(NamedTuple):
    """What a call is known by. Those who know their response look for the same, and for others only
    among those who know none."""

    id: bytes
    """Of the call that counts."""
    maker: str
    here: bytes
    below: bytes
    response: str | None
    alike: list[str]
    answers: list[str]
    """What those have in common that tell of the same response; how it went, not all see."""
    models: tuple[str | None, ...]

    @classmethod
    def of(cls, call: SeenCall) -> _Place:
        span, (given, taken) = call.span, call.tokens
        repeated, models = span.text(own.DUPLICATE_OF), models_of(span)
        if call.kind:  # embeddings have no output, which some call zero
            taken = None
        return cls(
            bytes.fromhex(repeated) if repeated else call.id,
            maker_of(span),
            place_of(call),
            call.trace + call.id,
            call.response,
            [f"{call.kind} {given} {taken} {span.is_error} {model}" for model in models],
            [f"{call.kind} {given} {model}" for model in models],
            models,
        )

    def knows_better(self, call: SeenCall, twin: SeenCall) -> bool:
        """Whether ``call``, which this place is of, counts although ``twin`` began first."""
        if not (call.response and twin.response):
            return bool(call.response)
        tells_else = (call.tokens, call.span.is_error) != (twin.tokens, twin.span.is_error)
        return tells_else and trusted(self.maker) > trusted(maker_of(twin.span))

    def _looked_for(self, place: bytes) -> list[Key]:
        return [(place, f"{bool(self.response)} {what}") for what in self.alike]

    def _noted(self, place: bytes) -> list[Key]:
        """For those who know no response, and from one who knows none for those who know theirs."""
        for_whom = (False,) if self.response else (False, True)
        return [(place, f"{knows} {what}") for knows in for_whom for what in self.alike]

    def _anywhere(self) -> list[Key]:
        said = (self.response or "").encode(errors="replace")
        return [(said, what) for what in self.answers] if said else []

    def beside_of(self, call: SeenCall, table: Table) -> bytes | None:
        """Return the id of the same call beside it, right above it, or with its response."""
        for keys, at_once in ((self._looked_for(self.here), together), (self._anywhere(), within)):
            for key in keys:
                known = table.get(key)
                if known and known[1] != self.maker and at_once(call.span, *known[2]):
                    return known[0]
        return None

    def below_of(self, table: Table) -> bytes | None:
        """Return the id of the same call right below it."""
        found = map(table.get, self._looked_for(self.below))
        return next((known[0] for known in found if known and known[1] != self.maker), None)

    def is_twin_of_above(self, call: SeenCall, above: SeenCall) -> bool:
        """Whether ``call`` knows nothing of what is known right above it (OpenInference's, below a
        raw response), or one of both adds up what the other knows the end of."""
        of_above = _Place.of(above)
        alike = call.kind == above.kind and any(m in self.models for m in of_above.models)
        if not alike or of_above.maker == self.maker:
            return False
        silent = call.tokens == UNTOLD and not call.response and not call.span.is_error
        return silent or _adds_up(call, above) or _adds_up(above, call)

    def note(self, call: SeenCall, table: Table) -> None:
        """Let those beside ``call`` find it, and those below it, which may have taken any time."""
        for key in (*self._noted(self.here), *self._anywhere()):
            table[key] = self.id, self.maker, (call.span.start_ns, call.span.end_ns)
        for key in self._noted(self.below):
            table[key] = self.id, self.maker, (None, None)


def _adds_up(ours: SeenCall, theirs: SeenCall) -> bool:
    """Whether ``ours`` counts all the rounds in which Google's SDK calls functions by itself, of
    which OpenInference's, about the same time, tells the last."""
    if not (ours.span.scope_name or "").endswith(_CALLS_FUNCTIONS) or theirs.response:
        return False
    (all_given, _), (given, _) = ours.tokens, theirs.tokens
    more = all_given is not None and given is not None and given < all_given
    return more and together(theirs.span, ours.span.start_ns, ours.span.end_ns)


_CALLS_FUNCTIONS: Final = f"{OURS}.instrumentation.google_genai"


def trusted(maker: str) -> int:
    """Return how far a maker is believed where two tell the same response differently: ours, then
    a provider's own SDK."""
    return 2 if maker == OURS else int(maker.startswith(_SDKS_OWN))


_SDKS_OWN: Final = "com.anthropic.sdk."


def maker_of(span: SpanView) -> str:
    """Return whose span it is; ours are all of one maker, who knows them apart. It is remembered,
    and scopes have names of any length."""
    scope = span.scope_name or ""
    return OURS if scope.startswith(OURS) else scope[:_LONGEST_MAKER]


def models_of(span: SpanView) -> tuple[str | None, ...]:
    """Return what its model may be called: some say which was asked for, some which served."""
    asked, served = span.facts[facts.REQUEST_MODEL], span.facts[facts.RESPONSE_MODEL]
    named = _without_vendor(asked) if asked else asked
    return (named,) if served is None or served == asked else (named, _without_vendor(served))


def _without_vendor(model: str) -> str:
    """``us.anthropic.claude-haiku-4-5`` is ``claude-haiku-4-5`` to OpenLLMetry, whose name has no
    region and no vendor; an inference profile's is the end of its ARN."""
    if model.startswith("arn:"):
        model = model.rpartition("/")[2]
    for _ in range(2):
        before, _, rest = model.partition(".")
        if rest and before.replace("-", "").isalpha():
            model = rest
    return model


def place_of(call: SeenCall) -> bytes:
    """Return where it was made: below what, or by which program."""
    return call.trace + call.parent if call.parent else program_of(call.span)


def program_of(span: SpanView) -> bytes:
    """Return what tells a program from others."""
    said = " ".join(span.resource_text(name) or "" for name in _RESOURCE)
    return blake2b(said.encode(errors="replace"), digest_size=16).digest()  # it may be long


def together(span: SpanView, start: int | None, end: int | None) -> bool:
    """Whether ``span`` is at the time of a call from ``start`` to ``end``."""
    if start is None or end is None:
        return True
    longer = max(end - start, span.end_ns - span.start_ns)
    both = min(end, span.end_ns) - max(start, span.start_ns)
    return both > longer // _SHARE or (both > 0 and longer - both < SLACK_NS)


def within(span: SpanView, start: int | None, end: int | None) -> bool:
    """The same, or one lies within the other, however long that took: who tells of the same
    response may have been about it before and after (LiteLLM loads what it needs in its first)."""
    if start is None or end is None:
        return True
    both = max(start, span.start_ns), min(end, span.end_ns)
    return both in ((start, end), (span.start_ns, span.end_ns)) or together(span, start, end)
