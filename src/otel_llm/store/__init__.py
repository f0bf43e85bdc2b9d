"""The embedded store: every GenAI call the collector saw, kept for a while and asked in bulk.

``Store`` is what the API and the pages need, ``DuckDBStore`` the engine behind it, ``CallWriter``
the observer that fills it off the hot path. Holds no message content. Needs the extra
``collector``.
"""

from .calls import CallPage
from .config import StoreConfig
from .duck import DuckDBStore, StoreError
from .filters import DIMENSIONS, MEASURES, Dimension, Filter, Measure, Most
from .findings import Finding
from .report import Report, linked, report_on
from .scores import Score, ScoreBucket, ScoreStats, Source
from .selection import Selection
from .store import GOOD_ENOUGH, Store
from .summary import Bucket, Group, Stats, Summary
from .traces import Trace, TraceSpan
from .writer import CallWriter

__all__ = [
    "DIMENSIONS",
    "GOOD_ENOUGH",
    "MEASURES",
    "Bucket",
    "CallPage",
    "CallWriter",
    "Dimension",
    "DuckDBStore",
    "Filter",
    "Finding",
    "Group",
    "Measure",
    "Most",
    "Report",
    "Score",
    "ScoreBucket",
    "ScoreStats",
    "Selection",
    "Source",
    "Stats",
    "Store",
    "StoreConfig",
    "StoreError",
    "Summary",
    "Trace",
    "TraceSpan",
    "linked",
    "report_on",
]
