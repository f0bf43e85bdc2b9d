"""The composition root: settings to components to a running collector, and its orderly end."""

from .run import run
from .settings import Settings, check, default_text, read_settings

__all__ = ["Settings", "check", "default_text", "read_settings", "run"]
