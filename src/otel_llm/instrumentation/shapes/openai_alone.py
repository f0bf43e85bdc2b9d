"""What OpenAI alone has attributes for: which API it is, the service tier, the fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response

from . import responses
from .values import fields, text


def asked(arguments: Mapping[str, Any], api: str) -> dict[str, Any]:
    """Return what is asked for, of an API by its name in the conventions."""
    more: dict[str, Any] = {semconv.OPENAI_API_TYPE: api}
    tier = text(arguments.get("service_tier"))
    if tier is not None and tier != "auto":
        more[semconv.OPENAI_REQUEST_SERVICE_TIER] = tier
    return more


def told(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an answer says, or a piece of one."""
    said: dict[str, Any] = {}
    if isinstance(tier := answer.get("service_tier"), str) and tier:
        said[semconv.OPENAI_RESPONSE_SERVICE_TIER] = tier
    if isinstance(fingerprint := answer.get("system_fingerprint"), str) and fingerprint:
        said[semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT] = fingerprint
    return said


def responses_request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of a response."""
    request = responses.request(arguments)
    request.more = {**(request.more or {}), **asked(arguments, "responses")}
    return request


def responses_response(answer: Any) -> Response:
    """Read a whole response."""
    response = responses.response(answer)
    response.more = {**(response.more or {}), **told(fields(answer))}
    return response


class ResponsesStream(responses.ResponsesStream):
    """Collects the events of one response."""

    __slots__ = ()
    _read = staticmethod(responses_response)
