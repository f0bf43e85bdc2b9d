"""Whether two names mean the same model: providers answer with a dated one, hosts with a longer."""

from __future__ import annotations

import re
from typing import Final

_HOST: Final = re.compile(
    r"^(?:(?:us|us-gov|eu|apac|ap|jp|au|ca|global)\.)?"
    r"(?:ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen|stability|writer)\."
)
"""Bedrock's region and vendor."""
_END: Final = re.compile(r"-v\d+(?::\d+)?$|[-@:]latest$")
_SNAPSHOT: Final = re.compile(
    r"[-@:](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{3,4}|(?:preview|exp)-\d{2}-(?:\d{4}|\d{2}))"
)


def same_model(asked: str, served: str) -> bool:
    """Whether ``served`` is ``asked`` or a dated version of it, and not a smaller sister:
    ``gpt-4o-2024-08-06`` is ``gpt-4o``, ``gpt-4o-mini`` is not."""
    one, other = _plain(asked), _plain(served)
    if one == other:
        return True
    return other.startswith(one) and _SNAPSHOT.fullmatch(other[len(one) :]) is not None


def _plain(name: str) -> str:
    last = name.strip().lower().rpartition("/")[2]
    return _END.sub("", _HOST.sub("", last))
