"""Keys, tokens and personal data, found in texts and taken out."""

from .redactor import Redactor

__all__ = ["Redactor"]
