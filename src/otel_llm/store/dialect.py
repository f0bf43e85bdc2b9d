"""Where the engines' SQL differs. Everything else is written once, in what they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Dialect:
    """Templates for ``str.format``; ``{0}`` is a column or an expression."""

    quantile_list: str
    """A list with the exact quantiles ``{1}`` of ``{0}``, interpolated; unknown values do not
    count."""
    each: str
    """One row for each element of a list; none for an empty or unknown one."""
    holds: str
    """Whether the list has the element ``?``."""
    tagged: str
    """Whether the tag ``?`` has the value ``?``."""
    found: str
    """Whether the text contains ``?``, which is in lower case."""
    step: str
    """``{0}`` in whole steps of ``{1}``."""
    checked: str
    """Whether the quality checks could look at a call."""
    flagged: str
    """Whether a quality check fired."""

    def quantiles(self, expression: str, *shares: float) -> str:
        """The quantiles of ``expression`` as a list."""
        return self.quantile_list.format(expression, ", ".join(map(str, shares)))


DUCKDB: Final = Dialect(
    quantile_list="quantile_cont({0}, [{1}])",
    each="unnest({0})",
    holds="list_contains({0}, ?)",
    tagged="tags[?] = ?",
    found="contains(lower({0}), ?)",
    step="{0} // {1}",
    checked="flags IS NOT NULL",
    flagged="coalesce(len(flags), 0) > 0",
)

CLICKHOUSE: Final = Dialect(
    quantile_list="quantilesExactInclusive({1})({0})",
    each="arrayJoin({0})",
    holds="has({0}, ?)",
    tagged="has(arrayZip(mapKeys(tags), mapValues(tags)), (?, ?))",
    found="position(lowerUTF8({0}), ?) > 0",
    step="intDiv({0}, {1})",
    checked="checked",  # its lists cannot be unknown
    flagged="length(flags) > 0",
)
