"""The few names we add ourselves, because the conventions have none yet."""

from typing import Final

from .metrics import SECONDS_BUCKETS, Metric

COST_TOTAL: Final = "otel_llm.cost.total"
COST_INPUT: Final = "otel_llm.cost.input"
COST_OUTPUT: Final = "otel_llm.cost.output"
COST_CACHE_READ: Final = "otel_llm.cost.cache_read"
COST_CACHE_WRITE: Final = "otel_llm.cost.cache_write"
COST_TOOLS: Final = "otel_llm.cost.tools"
"""Fees for the searches that the provider itself ran."""
COST_CURRENCY: Final = "otel_llm.cost.currency"
COST_PRICE_SOURCE: Final = "otel_llm.cost.price.source"
COST_PRICE_AS_OF: Final = "otel_llm.cost.price.as_of"
COST_PRICE_MATCH: Final = "otel_llm.cost.price.match"
COST_PRICE_TIER: Final = "otel_llm.cost.price.tier"
COST_REPORTED: Final = "otel_llm.cost.reported"
"""What the provider itself said the call cost; never overwritten by ours."""
COST_QUALITY: Final = "otel_llm.cost.quality"
"""Why a cost is not beyond doubt, e.g. ``exclusive_input``; absent when it is."""

QUALITY_FLAGS: Final = "otel_llm.quality.flags"
"""string[]: names of the checks that fired. Absent when no check could look."""

QUALITY_SCORE: Final = "otel_llm.quality.score"
"""double: how good the answer looks by rules of thumb, 0 to 1 (``otel_llm.quality.scores``)."""
QUALITY_RELEVANCE: Final = "otel_llm.quality.relevance"
QUALITY_COHERENCE: Final = "otel_llm.quality.coherence"
QUALITY_COMPLETENESS: Final = "otel_llm.quality.completeness"
QUALITY_SAFETY: Final = "otel_llm.quality.safety"
QUALITY_FORMAT: Final = "otel_llm.quality.format"
"""double: the parts of that score, 0 to 1; absent where a part cannot be told."""
QUALITY_SENTIMENT: Final = "otel_llm.quality.sentiment"
"""double: the tone of the answer, -1 (negative) to 1 (``otel_llm.quality.sentiment``)."""
OUTPUT_LENGTH: Final = "otel_llm.output.length"
"""int: characters of the answer's text."""
EVALUATION_EVALUATOR: Final = "otel_llm.evaluation.evaluator"
"""Which model or rule gave a score (``gen_ai.evaluation.result``)."""
EVALUATION_PURPOSE: Final = "otel_llm.evaluation.purpose"
"""``judge``, ``suite`` or ``embeddings``: a call made to evaluate others, never judged itself."""
EVALUATION_SUITE: Final = "otel_llm.evaluation.suite"
EVALUATION_CASE: Final = "otel_llm.evaluation.case"
EVALUATION_RUN: Final = "otel_llm.evaluation.run"
"""Which run of a suite a call or a score is of: the same for all of its cases."""
DUPLICATE_OF: Final = "otel_llm.duplicate_of"
"""Id of the span that counts for this call; this one is another instrumentation's view of it."""
INPUT_HASH: Final = "otel_llm.input.hash"
SYSTEM_HASH: Final = "otel_llm.system.hash"
TOOLS_HASH: Final = "otel_llm.tools.hash"
"""Keyed HMAC-SHA256, hex, of what was sent (``OTEL_LLM_CAPTURE=hash``)."""
CONTENT_REFERENCE: Final = "otel_llm.content.reference"
"""Where the content is that was taken off the span: what ``GET /v1/content/…`` takes."""
TENANT: Final = "otel_llm.tenant"
"""Resource attribute: whose data it is, by the token or header it was sent with."""
OUTPUT_PREVIEW: Final = "otel_llm.output.preview"
STREAM_OUTCOME: Final = "otel_llm.stream.outcome"
"""completed, closed_early, cancelled, failed or abandoned (``OTEL_LLM_SPAN_ATTRIBUTES=true``)."""
STREAM_OUTCOMES: Final = Metric(
    "otel_llm.client.stream.outcomes", "counter", "{stream}", "Streamed answers by how they ended"
)
STREAM_LONGEST_GAP: Final = Metric(
    "otel_llm.client.stream.longest_gap",
    "histogram",
    "s",
    "Longest wait between two chunks of a streamed answer",
    SECONDS_BUCKETS,
)
STREAM_OUTPUT_RATE: Final = Metric(
    "otel_llm.client.stream.output_rate",
    "histogram",
    "{token}/s",
    "Output tokens per second after the first chunk, where the provider counts them",
    (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
)
RETRIES: Final = Metric(
    "otel_llm.client.retries", "counter", "{request}", "Requests that an SDK sent again"
)
RATE_LIMIT_REMAINING: Final = Metric(
    "otel_llm.client.rate_limit.remaining",
    "gauge",
    "{unit}",
    "What the provider's rate limit left, by the headers of its last answer",
)
RATE_LIMIT: Final = Metric(
    "otel_llm.client.rate_limit.limit",
    "gauge",
    "{unit}",
    "The provider's rate limit, by the headers of its last answer",
)
RATE_LIMIT_KIND: Final = "otel_llm.rate_limit.kind"
"""What is limited: ``requests``, ``tokens``, ``input_tokens``, ``output_tokens``…"""
CACHE_WRITE_5M_TOKENS: Final = "otel_llm.usage.cache_write_5m.input_tokens"
CACHE_WRITE_1H_TOKENS: Final = "otel_llm.usage.cache_write_1h.input_tokens"
INPUT_WHOLE: Final = "otel_llm.usage.input_whole"
"""True where ``normalize`` counted the cache in, which no name of the sender's told apart."""
WEB_SEARCHES: Final = "otel_llm.usage.web_searches"
FILE_SEARCHES: Final = "otel_llm.usage.file_searches"
"""Searches of the web, or of stored files, that the provider ran and charges for."""
REQUEST_SERVICE_TIER: Final = "otel_llm.request.service_tier"
RESPONSE_SERVICE_TIER: Final = "otel_llm.response.service_tier"
"""In the provider's own word (``flex``, ``ON_DEMAND_PRIORITY``, …; ``fast`` for Anthropic's speed);
the conventions have a name for OpenAI's alone."""
INFERENCE_GEO: Final = "otel_llm.response.inference_geo"
"""Where Anthropic says that the model ran: ``global``, or ``us`` at a surcharge."""

USER_ID: Final = "user.id"
SESSION_ID: Final = "session.id"
SERVICE_NAME: Final = "service.name"
DEPLOYMENT_ENVIRONMENT: Final = "deployment.environment.name"
FEATURE: Final = "otel_llm.feature"
TEAM: Final = "otel_llm.team"
TAGS: Final = "otel_llm.tags"

USAGE_COST: Final = "gen_ai.usage.cost"
"""Not in the registry, yet what most backends read (Langfuse, OpenLIT and others)."""
