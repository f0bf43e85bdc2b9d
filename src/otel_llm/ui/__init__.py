"""The dashboard: server-rendered pages over the store, served beside the API.

``pages`` gives the routes. Nothing is loaded from elsewhere, nothing a model wrote becomes markup,
and every page can be read without scripts.
"""

from .pages import pages

__all__ = ["pages"]
