"""The inference event of the conventions: a span's twin in the logs, with structured content."""

from __future__ import annotations

from typing import Any, Final

from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.context import Context

from otel_llm import semconv

from .attributes import Attributes

INFERENCE_DETAILS: Final = "gen_ai.client.inference.operation.details"
EXCEPTION: Final = "gen_ai.client.operation.exception"
EVALUATION_RESULT: Final = "gen_ai.evaluation.result"
_VARIABLE: Final = f"{semconv.PROMPT_VARIABLE}."


def emit_details(
    logger: Logger,
    attributes: Attributes,
    content: dict[str, Any],
    *,
    context: Context,
    timestamp_ns: int,
) -> None:
    """Emit the event of one finished inference as a child of the span in ``context``.

    A provider's own attributes stay on the span: the event's list does not have them. So do the
    variables of a prompt, which are content that was meant for spans.
    """
    logger.emit(
        LogRecord(
            timestamp=timestamp_ns,
            context=context,
            severity_number=SeverityNumber.INFO,
            event_name=INFERENCE_DETAILS,
            attributes={**{k: v for k, v in attributes.items() if _listed(k)}, **content},
        )
    )


def emit_exception(logger: Logger, attributes: Attributes, *, context: Context) -> None:
    """Emit the event of an exception as a child of the span in ``context``."""
    logger.emit(
        LogRecord(
            context=context,
            severity_text="WARN",
            severity_number=SeverityNumber.WARN,
            event_name=EXCEPTION,
            attributes=attributes,
        )
    )


def emit_evaluation(logger: Logger, attributes: Attributes, *, context: Context) -> None:
    """Emit the result of an evaluation as a child of the span in ``context``."""
    logger.emit(
        LogRecord(
            context=context,
            severity_number=SeverityNumber.INFO,
            event_name=EVALUATION_RESULT,
            attributes=attributes,
        )
    )


def _listed(name: str) -> bool:
    return name.startswith(("gen_ai.", "server.", "error.")) and not name.startswith(_VARIABLE)
