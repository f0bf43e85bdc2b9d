"""Price tables from files: a newer one of ``genai-prices``, or one in LiteLLM's format.

Fetching them is up to the operator: ``prices/data.json`` of pydantic/genai-prices,
``model_prices_and_context_window.json`` of BerriAI/litellm.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from .book import PriceBook
from .custom import CustomPrice
from .listed import PriceList
from .second import SecondList, read_json


def read_table(file: Path, custom: Sequence[CustomPrice] = ()) -> PriceBook:
    """Return a book over the table in ``file``, with own prices before it.

    Raises ``OSError``, and ``ValueError`` when it is in neither format.
    """
    content = read_json(file, float)
    if isinstance(content, list):
        return PriceBook(custom, _library_table(file, cast("object", content)))
    return PriceBook(custom, PriceList([]), SecondList(file))


def _library_table(file: Path, content: object) -> PriceList:
    # What the library itself does with a table that it fetches; it has no public name for it.
    types: Any = import_module("genai_prices.types")
    try:
        return PriceList(types._providers_from_raw(content))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{file.name} is no price table of genai-prices") from error
