"""Turn what an operator wrote into settings, or say exactly where it is wrong.

Knows no component: they bring their own settings class. ``load`` reads a file and fills in
``${env:NAME}``; ``build`` makes a frozen dataclass of a section; ``Problem`` is one mistake.
"""

from .build import build
from .file import load, text_of
from .problem import ConfigError, Problem

__all__ = ["ConfigError", "Problem", "build", "load", "text_of"]
