"""What a form of a page sent, without a parser for files."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

_KIND: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 50
LONGEST: Final = 2_000


async def read_form(request: Request) -> dict[str, str]:
    """The fields, cut to ``LONGEST``; none when it is no form."""
    if not request.headers.get("content-type", "").startswith(_KIND):
        return {}
    body = (await request.body()).decode("utf-8", "replace")
    try:
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return {}
    return {name: value[:LONGEST] for name, value in pairs}
