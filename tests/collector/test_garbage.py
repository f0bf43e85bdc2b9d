"""What lasts is left out of the look for cycles; what a reload replaced goes all the same."""

import subprocess
import sys

_PROGRAM = """
import gc, weakref
from otel_llm.collector.garbage import settle, unsettle

class Part:
    def __init__(self):
        self.me = self

lasting, replaced = Part(), Part()
seen = weakref.ref(replaced)
settle()
assert gc.get_freeze_count() > 1000
del replaced
assert gc.collect() == 0 and seen() is not None  # left out
settle()
assert seen() is None
assert gc.get_freeze_count() > 1000
unsettle()
assert gc.get_freeze_count() == 0
"""


def test_what_a_reload_replaced_is_freed() -> None:
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
