"""Templates: escaped by default, and an unknown name in one is an error, not a blank."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from otel_llm.alerting.notification import kept

from . import format
from .asked import Missing, Mistake, days, fixed, labelled, link
from .plots import RATERS

ROWS: Final = 500
"""The most of a table on one page; the rest is told as a number, and given by the API."""
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
        *("score", "size", "day", "per_week"),
    )
} | {"kept": kept}
_GLOBALS: Final = {
    "days": days,
    "RANGES": RANGES,
    "MENU": MENU,
    "UNKNOWN": format.UNKNOWN,
    "RATERS": RATERS,
}


View = Callable[[Request], Response]


class Renderer:
    """Fills the templates of this package."""

    def __init__(self, root: str = "") -> None:
        self.root = root
        """Goes before the path of every link."""
        self._environment = Environment(
            loader=PackageLoader("otel_llm.ui"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(_FILTERS)  # pyright: ignore[reportUnknownMemberType] - untyped there
        self._environment.globals.update({"root": root, **_links(root)})  # pyright: ignore[reportUnknownMemberType] - the same
        self._environment.globals.update(_GLOBALS)  # pyright: ignore[reportUnknownMemberType] - the same

    def page(self, request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
        """The template ``name`` with ``values``."""
        template = self._environment.get_template(f"{name}.html")
        path = request.scope["path"].removeprefix(self.root)
        return HTMLResponse(template.render(path=path, **values), status)

    def mistake(self, request: Request, text: str, *, status: int = 422) -> Response:
        """A page that says what is wrong."""
        return self.page(request, "mistake", status=status, text=text)


def _links(root: str) -> Mapping[str, Callable[..., str]]:
    """What makes addresses of paths, for templates."""

    def under(address: Callable[..., str]) -> Callable[..., str]:
        def given(path: str, *args: Any, **kwargs: Any) -> str:
            return address(root + path, *args, **kwargs)

        return given

    return {"link": under(link), "fixed": under(fixed), "labelled": under(labelled)}


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
