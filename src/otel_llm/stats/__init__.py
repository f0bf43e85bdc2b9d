"""Numbers over time: windows by event time, quantile sketches, detectors of anomalies and drift.

Pure: no I/O, no thread, no clock of its own; the time is always passed in.
"""

from .dimensions import DIMENSIONS
from .sketch import Sketch
from .tally import Tally
from .window import Series, Window
from .windows import Selection, Windows

__all__ = ["DIMENSIONS", "Selection", "Series", "Sketch", "Tally", "Window", "Windows"]
