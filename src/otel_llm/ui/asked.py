"""What a reader of a page asked for: conditions, a range, and the steps it is drawn in."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from pydantic import ValidationError

from otel_llm.config.moment import moment_ns
from otel_llm.store import Filter, Selection

STEPS_S: Final = (60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800)
MAX_STEPS: Final = 121


class Mistake(Exception):
    """What was asked for makes no sense; the message says why, for the reader."""


class Missing(Exception):
    """There is nothing under that address; the message says why, for the reader."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A selection at one moment."""

    selection: Selection
    where: Filter
    step_s: int
    times: Sequence[int]
    """Start of every step of the range, Unix seconds."""
    now_ns: int

    def before(self) -> Filter:
        """The same calls of the time before, as long as the range."""
        since, until = self.where.since_ns or 0, self.where.until_ns or self.now_ns
        return replace(self.where, since_ns=max(2 * since - until, 0), until_ns=since)

    def lately(self, step_s: int, steps: int) -> Asked:
        """The same calls of ``steps`` steps up to the end of the range, however long that is."""
        until = self.where.until_ns or self.now_ns
        last = max(until - 1, 0) // 10**9 // step_s
        times = [at * step_s for at in range(last - steps + 1, last + 1)]
        where = replace(self.where, since_ns=times[0] * 10**9)
        return replace(self, where=where, step_s=step_s, times=times)

    def failed(self) -> Asked:
        """The same of failed calls alone."""
        return replace(self, where=replace(self.where, failed=True))


def ask(
    query: Mapping[str, str], *, now_ns: int | None = None, max_steps: int = MAX_STEPS
) -> Asked:
    """Read a query string. Empty fields of a form count as not given. Raises ``Mistake``."""
    try:
        selection = Selection.model_validate({k: v for k, v in query.items() if v})
    except ValidationError as error:
        raise Mistake(_told(error)) from None
    now_ns = time.time_ns() if now_ns is None else now_ns
    where = selection.filter(now_ns)
    since, until = where.since_ns or 0, where.until_ns or now_ns
    step = _step_s((until - since) / 1e9, max_steps)
    first, last = since // 10**9 // step, (max(until - 1, since)) // 10**9 // step
    # A range of centuries is still drawn in a bounded number of steps: its end.
    times = [at * step for at in range(max(first, last - MAX_STEPS * 10), last + 1)]
    return Asked(selection, where, step, times, now_ns)


def link(path: str, selection: Selection, **changes: str | None) -> str:
    """``path`` with the selection in its query, changed; ``None`` takes a condition away."""
    given = selection.model_dump(mode="json", exclude_none=True, exclude_defaults=True) | changes
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return f"{path}?{query}" if query else path


def fixed(path: str, selection: Selection) -> str:
    """``link`` to what is shown now, whenever it is opened: without times that count back."""
    now_ns = time.time_ns()
    since = moment_ns(selection.since, now_ns) // 10**9
    until = now_ns if selection.until is None else moment_ns(selection.until, now_ns)
    return link(path, selection, since=str(since), until=str(until // 10**9))


def days() -> Sequence[tuple[str, str, str | None]]:
    """Today and yesterday in UTC: what they are called, their beginnings and their ends; today
    goes on."""
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)
    return [
        ("Today", today.isoformat(), None),
        ("Yesterday", yesterday.isoformat(), today.isoformat()),
    ]


def labelled(
    path: str,
    labels: Mapping[str, str],
    since: str | int,
    until: str | int | None,
    **more: str,
) -> str:
    """``path`` with the conditions that ``labels`` of an alert or a finding stand for, and
    ``more``."""
    known = {name: value for name, value in labels.items() if name in Selection.model_fields}
    range_ = {"since": str(since)} | ({} if until is None else {"until": str(until)})
    return f"{path}?{urlencode(known | more | range_)}"


def _step_s(range_s: float, max_steps: int) -> int:
    """The finest step that gives at most ``max_steps`` steps."""
    return next((step for step in STEPS_S if range_s / step <= max_steps), STEPS_S[-1])


def _told(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
