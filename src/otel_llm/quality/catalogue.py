"""Every check, one line each, in the order in which their flags are written."""

from __future__ import annotations

from .check import Check
from .empty import EMPTY
from .format import FORMAT_VIOLATION, SCHEMA_MISMATCH
from .hedging import HEDGING
from .injection import PROMPT_INJECTION
from .language import LANGUAGE_MISMATCH
from .leaks import PII_CHECK, SECRETS_CHECK
from .refusal import REFUSAL
from .repetition import REPETITION
from .tools import TOOL_ERROR_LOOP
from .truncation import TRUNCATION

CATALOGUE: dict[str, Check] = {
    check.name: check
    for check in (
        REFUSAL,
        HEDGING,
        TRUNCATION,
        EMPTY,
        REPETITION,
        FORMAT_VIOLATION,
        SCHEMA_MISMATCH,
        LANGUAGE_MISMATCH,
        SECRETS_CHECK,
        PII_CHECK,
        PROMPT_INJECTION,
        TOOL_ERROR_LOOP,
    )
}
