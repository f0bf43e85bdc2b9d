"""Is this answer suspicious? Pure checks over finish reasons, counts and, if captured, content.

``Inspector().flags(Evidence(…))`` returns the names of the checks that fired. A check that could
not look says nothing. Checks are listed in ``catalogue``; each is one file, or one family's.
``scores`` rates answers from 0 to 1, ``sentiment`` tells the tone of a text, and ``measure`` says
how good the checks are on a labelled set.
"""

from .catalogue import CATALOGUE
from .check import Check
from .evidence import Content, Evidence, Thresholds
from .inspector import Inspector

__all__ = ["CATALOGUE", "Check", "Content", "Evidence", "Inspector", "Thresholds"]
