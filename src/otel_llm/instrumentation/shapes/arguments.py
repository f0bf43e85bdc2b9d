"""Arguments of a call to a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.genai import Request

from .values import text


def asked(arguments: Mapping[str, Any], names: Mapping[str, str]) -> Request:
    """Return a request for ``model`` with what else was given of ``names``: fields by argument.

    Values stay as the caller gave them; what is of no use is left out where attributes are made.
    """
    return chosen(text(arguments.get("model")), arguments, names)


def chosen(model: str | None, given: Mapping[str, Any], names: Mapping[str, str]) -> Request:
    """Return a request for ``model`` with what is in ``given``: fields of ``names`` by its keys."""
    found = Request(model)
    known = vars(found)
    if len(given) > len(names):  # Fern's SDKs pass all that there are
        given = {name: given[name] for name in names if name in given}
    for name, value in given.items():  # few of the many parameters are ever given
        if name in names and value is not None and value is not ...:  # theirs for none
            known[names[name]] = value
    return found
