"""Templates: escaped by default, and an unknown name in one is an error, not a blank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from . import format
from .asked import Missing, Mistake, days, fixed, labelled, link
from .plots import RATERS

RANGES: Final = ("1h", "24h", "7d", "30d")
MENU: Final = (
    ("/", "Overview", True),
    ("/cost", "Cost", True),
    ("/latency", "Latency", True),
    ("/errors", "Errors", True),
    ("/quality", "Quality", True),
    ("/calls", "Calls", True),
    ("/by/user", "Users", True),
    ("/by/feature", "Features", True),
    ("/by/prompt", "Prompts", True),
    ("/alerts", "Alerts", False),
    ("/budgets", "Budgets", False),
    ("/watch", "Anomalies", False),
    ("/evaluations", "Evaluations", True),
    ("/unpriced", "Unpriced", True),
    ("/data-health", "Data health", False),
)
"""Path, name, and whether the page is about a selection, which then stays."""
_FILTERS: Final = {
    name: getattr(format, name)
    for name in (
        *("count", "instant", "iso", "moment", "money", "ms", "percent", "readable", "reading"),
        *("score", "size", "day"),
    )
}
_GLOBALS: Final = {
    "link": link,
    "fixed": fixed,
    "labelled": labelled,
    "days": days,
    "RANGES": RANGES,
    "MENU": MENU,
    "UNKNOWN": format.UNKNOWN,
    "RATERS": RATERS,
}


View = Callable[[Request], Response]


class Renderer:
    """Fills the templates of this package."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("otel_llm.ui"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(_FILTERS)  # pyright: ignore[reportUnknownMemberType] - untyped there
        self._environment.globals.update(_GLOBALS)  # pyright: ignore[reportUnknownMemberType] - the same

    def page(self, request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
        """The template ``name`` with ``values``."""
        template = self._environment.get_template(f"{name}.html")
        return HTMLResponse(template.render(path=request.scope["path"], **values), status)

    def mistake(self, request: Request, text: str, *, status: int = 422) -> Response:
        """A page that says what is wrong."""
        return self.page(request, "mistake", status=status, text=text)


def explained(renderer: Renderer, view: View) -> View:
    """``view``, with its mistakes on a page."""

    def shown(request: Request) -> Response:
        try:
            return view(request)
        except Mistake as mistake:
            return renderer.mistake(request, str(mistake))
        except Missing as missing:
            return renderer.mistake(request, str(missing), status=404)

    return shown
