"""Endpoints made from endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from otel_llm.genai import Request

from ..core.patch import Endpoint


def streamed(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint of a method that streams without being asked to."""

    def request(arguments: Mapping[str, Any]) -> Request:
        return replace(endpoint.request(arguments), stream=True)

    return replace(endpoint, request=request)
