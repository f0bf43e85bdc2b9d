"""Rates per token and per search, and what a call costs by them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Generic, NamedTuple, TypeVar

from .tokens import Tokens

N = TypeVar("N", Decimal, float)
ZERO = Decimal(0)


class Parts(NamedTuple, Generic[N]):
    """US dollars by part; disjoint, their sum is the cost of the call."""

    input: N
    """Uncached input of every modality, and the fee per request where there is one."""
    output: N
    cache_read: N
    cache_write: N
    tools: N
    """Fees for searches."""


class Rates(NamedTuple, Generic[N]):
    """US dollars per token of each bucket of ``Tokens``, per request and per search.

    What a model has no rate of its own for carries the rate of what it is part of: a cached token
    without a cache price costs what an uncached one does.
    """

    input: N
    output: N
    cache_read: N
    cache_write: N
    cache_write_1h: N
    audio_input: N
    image_input: N
    audio_cache_read: N
    image_cache_read: N
    reasoning: N
    audio_output: N
    image_output: N
    request: N
    web_search: N
    file_search: N

    def charge(self, tokens: Tokens) -> Parts[N]:
        """Return what ``tokens`` cost. One multiplication per bucket, no rounding of our own."""
        _, uncached, read, write, output, long, reasoning, *_ = tokens
        parts = Parts(
            uncached * self.input + self.request,
            output * self.output + reasoning * self.reasoning,
            read * self.cache_read,
            write * self.cache_write + long * self.cache_write_1h,
            0 * self.request,
        )
        return parts if tokens[_RARE] == _NONE else self._with_rare(tokens, parts)

    def without_fee(self) -> Rates[N]:
        """Return the same without the fee per request."""
        return self._replace(request=self.request * 0)

    def floats(self) -> Rates[float]:
        """Return the same as floats."""
        return Rates(*map(float, self))

    def times(self, share: N) -> Rates[N]:
        """Return that share of every rate and of the fee."""
        return Rates(*(rate * share for rate in self))

    def _with_rare(self, tokens: Tokens, parts: Parts[N]) -> Parts[N]:
        return Parts(
            parts.input
            + tokens.audio_input * self.audio_input
            + tokens.image_input * self.image_input,
            parts.output
            + tokens.audio_output * self.audio_output
            + tokens.image_output * self.image_output,
            parts.cache_read
            + tokens.audio_cache_read * self.audio_cache_read
            + tokens.image_cache_read * self.image_cache_read,
            parts.cache_write,
            tokens.web_searches * self.web_search + tokens.file_searches * self.file_search,
        )


_RARE = slice(Tokens._fields.index("audio_input"), -1)
"""What is neither text nor tokens."""
_NONE = (0,) * len(Tokens._fields[_RARE])
FREE = Rates(*[ZERO] * len(Rates._fields))


_IN_ORDER = (
    *("cache_read", "audio_cache_read", "image_cache_read", "cache_write_1h", "cache_write"),
    *("input", "audio_input", "image_input"),
)
"""The prompt from its start: what is cached is its beginning."""


class Marginal(NamedTuple, Generic[N]):
    """Rates by which only the part of a prompt that is beyond a length costs more.

    Output is charged by ``long``: which part of it would be beyond cannot be said.
    """

    above: int
    short: Rates[N] | Marginal[N]
    """For the first ``above`` tokens; without a fee per request, which ``long`` has."""
    long: Rates[N]

    def charge(self, tokens: Tokens) -> Parts[N]:
        """Return what ``tokens`` cost."""
        room, near = self.above, dict[str, Any].fromkeys(Tokens._fields[:-1], 0)
        for bucket in _IN_ORDER:
            near[bucket] = min(getattr(tokens, bucket), room)
            room -= near[bucket]
        far = {bucket: getattr(tokens, bucket) - count for bucket, count in near.items()}
        parts = self.short.charge(tokens._replace(**near)), self.long.charge(tokens._replace(**far))
        return Parts(*(one + other for one, other in zip(*parts, strict=True)))

    def without_fee(self) -> Marginal[N]:
        """Return the same without the fee per request."""
        return self._replace(long=self.long.without_fee())

    def floats(self) -> Marginal[float]:
        """Return the same as floats."""
        return Marginal(self.above, self.short.floats(), self.long.floats())


FEES: Final = ("request", "web_search", "file_search")
"""Rates of something else than tokens, none of which is part of another."""
PART_OF: Final[Mapping[str, str | None]] = {
    "input": None,
    "output": None,
    "cache_read": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "audio_input": "input",
    "image_input": "input",
    "audio_cache_read": "cache_read",
    "image_cache_read": "cache_read",
    "reasoning": "output",
    "audio_output": "output",
    "image_output": "output",
}
"""Each rate of tokens with the one that it is part of, which stands before it."""
