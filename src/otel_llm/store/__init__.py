"""The embedded store: every GenAI call the collector saw, kept for a while and asked in bulk.

``Store`` is what the API and the pages need, ``DuckDBStore`` the engine behind it, ``CallWriter``
the observer that fills it off the hot path. Holds no message content. Needs the extra
``collector``.
"""

from .calls import CallPage
from .config import ClickHouseConfig, StoreConfig
from .duck import DuckDBStore
from .filters import DIMENSIONS, MEASURES, Dimension, Filter, Measure, Most
from .findings import Finding
from .incidents import Incident
from .opened import open_store
from .report import Report, linked, report_on
from .scores import Score, ScoreBucket, ScoreParts, ScoreStats, Source
from .selection import Selection
from .spans import PlainSpan
from .store import Store, StoreError, StoreUnavailable
from .summary import Bucket, Group, Stats, Summary
from .traces import Trace, TraceLine, TraceSpan
from .writer import CallWriter, SpanWriter

__all__ = [
    "DIMENSIONS",
    "MEASURES",
    "Bucket",
    "CallPage",
    "CallWriter",
    "ClickHouseConfig",
    "Dimension",
    "DuckDBStore",
    "Filter",
    "Finding",
    "Group",
    "Incident",
    "Measure",
    "Most",
    "PlainSpan",
    "Report",
    "Score",
    "ScoreBucket",
    "ScoreParts",
    "ScoreStats",
    "Selection",
    "Source",
    "SpanWriter",
    "Stats",
    "Store",
    "StoreConfig",
    "StoreError",
    "StoreUnavailable",
    "Summary",
    "Trace",
    "TraceLine",
    "TraceSpan",
    "linked",
    "open_store",
    "report_on",
]
