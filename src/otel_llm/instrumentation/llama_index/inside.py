"""What is running, for what runs inside it: keys of the context."""

from __future__ import annotations

from typing import Final

from opentelemetry.context import create_key

RUN: Final = create_key("otel-llm-llama-index")
"""Set inside whatever is being run, to the ``Around`` of an engine: others in there are no
workflows of their own."""

TURNS: Final = create_key("otel-llm-llama-index-turns")
"""The ``Turns`` of the agents of the workflow that is running."""

CALL: Final = create_key("otel-llm-llama-index-call")
"""Id of the tool call that an agent is about to make."""

TOOL: Final = create_key("otel-llm-llama-index-tool")
"""The tool that is running: ``acall`` of many is their own ``call`` in a thread."""
