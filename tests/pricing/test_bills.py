"""Bills, worked out by hand from the providers' price pages, to the last digit.

Each line is what an invoice would print: so many tokens at so many dollars a million. The lines
must add up to the written total, and the book must come to the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from otel_llm.genai import Usage
from tests.pricing.book import NOV, at, book


@dataclass(frozen=True)
class Worked:
    about: str
    provider: str
    model: str
    usage: Usage
    lines: tuple[tuple[int, str], ...]
    total: str
    tier: str | None = None
    when: int = NOV
    fee: str = "0"


SONNET = "claude-sonnet-4-5-20250929"
BILLS = [
    Worked(
        "a plain chat",
        "openai", "gpt-4o", Usage(1_200, 350),
        ((1_200, "2.50"), (350, "10.00")), "0.0065",
    ),
    Worked(
        "a snapshot is priced as its model",
        "openai", "gpt-4o-2024-08-06", Usage(1_200, 350),
        ((1_200, "2.50"), (350, "10.00")), "0.0065",
    ),
    Worked(
        "a prompt half from the cache",
        "openai", "gpt-4o", Usage(8_000, 500, cache_read=4_096),
        ((3_904, "2.50"), (4_096, "1.25"), (500, "10.00")), "0.01988",
    ),
    Worked(
        "a batch",
        "openai", "gpt-4o-mini", Usage(2_000_000, 400_000),
        ((2_000_000, "0.075"), (400_000, "0.30")), "0.27",
        tier="batch",
    ),
    Worked(
        "flex, with a cached prompt",
        "openai", "gpt-5", Usage(50_000, 4_000, cache_read=32_000),
        ((18_000, "0.625"), (32_000, "0.0625"), (4_000, "5.00")), "0.03325",
        tier="flex",
    ),
    Worked(
        "priority",
        "openai", "gpt-5", Usage(50_000, 4_000),
        ((50_000, "2.50"), (4_000, "20.00")), "0.205",
        tier="priority",
    ),
    Worked(
        "reasoning tokens are billed as output, once",
        "openai", "gpt-5", Usage(3_000, 12_000, reasoning=11_200),
        ((3_000, "1.25"), (12_000, "10.00")), "0.12375",
    ),
    Worked(
        "a long prompt, one token below the threshold",
        "openai", "gpt-5.4", Usage(272_000, 1_000),
        ((272_000, "2.50"), (1_000, "15.00")), "0.695",
    ),
    Worked(
        "a long prompt, one token above: all of it at the higher rates",
        "openai", "gpt-5.4", Usage(272_001, 1_000, cache_read=200_000),
        ((72_001, "5.00"), (200_000, "0.50"), (1_000, "22.50")), "0.482505",
    ),
    Worked(
        "a voice call",
        "openai", "gpt-realtime", Usage(2_000, 900, audio_input=1_500, audio_output=700),
        ((500, "4.00"), (1_500, "32.00"), (200, "16.00"), (700, "64.00")), "0.098",
    ),
    Worked(
        "a voice call whose text was cached",
        "openai", "gpt-realtime",
        Usage(2_000, 900, cache_read=400, audio_input=1_500, audio_cache_read=0, audio_output=700),
        ((100, "4.00"), (400, "0.40"), (1_500, "32.00"), (200, "16.00"), (700, "64.00")),
        "0.09656",
    ),
    Worked(
        "an edited picture",
        "openai", "gpt-image-1", Usage(1_100, 4_160, image_input=1_000),
        ((100, "5.00"), (1_000, "10.00"), (4_160, "40.00")), "0.1769",
    ),
    Worked(
        "embeddings",
        "openai", "text-embedding-3-large", Usage(1_234_567),
        ((1_234_567, "0.13"),), "0.16049371",
    ),
    Worked(
        "before the price cut of June 2025",
        "openai", "o3", Usage(10_000, 2_000),
        ((10_000, "10.00"), (2_000, "40.00")), "0.18",
        when=at("2025-06-01T00:00"),
    ),
    Worked(
        "after it",
        "openai", "o3", Usage(10_000, 2_000),
        ((10_000, "2.00"), (2_000, "8.00")), "0.036",
    ),
    Worked(
        "a first turn that writes the cache",
        "anthropic", SONNET, Usage(21_050, 480, cache_write=21_000),
        ((50, "3.00"), (21_000, "3.75"), (480, "15.00")), "0.0861",
    ),
    Worked(
        "the next turn, which reads it",
        "anthropic", SONNET, Usage(21_900, 510, cache_read=21_000, cache_write=800),
        ((100, "3.00"), (21_000, "0.30"), (800, "3.75"), (510, "15.00")), "0.01725",
    ),
    Worked(
        "a cache that is kept for an hour",
        "anthropic", SONNET, Usage(21_050, 480, cache_write=21_000, cache_write_1h=21_000),
        ((50, "3.00"), (21_000, "6.00"), (480, "15.00")), "0.13335",
    ),
    Worked(
        "a sender that counts the cache apart from the input",
        "anthropic", SONNET, Usage(100, 510, cache_read=21_000, cache_write=800),
        ((100, "3.00"), (21_000, "0.30"), (800, "3.75"), (510, "15.00")), "0.01725",
    ),
    Worked(
        "a tool loop whose prompt has grown beyond 200,000 tokens",
        "anthropic", SONNET, Usage(250_000, 2_000, cache_read=240_000),
        ((10_000, "6.00"), (240_000, "0.60"), (2_000, "22.50")), "0.249",
    ),
    Worked(
        "a message batch",
        "anthropic", "claude-haiku-4-5", Usage(400_000, 90_000, cache_read=300_000),
        ((100_000, "0.50"), (300_000, "0.05"), (90_000, "2.50")), "0.29",
        tier="batch",
    ),
    Worked(
        "a call that failed after it had produced tokens is billed for them",
        "anthropic", "claude-opus-4-5", Usage(1_000, 37),
        ((1_000, "5.00"), (37, "25.00")), "0.005925",
    ),
    Worked(
        "Claude on Bedrock by a regional inference profile",
        "aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", Usage(10_000, 1_000),
        ((10_000, "3.30"), (1_000, "16.50")), "0.0495",
    ),
    Worked(
        "Claude on Bedrock by the ARN of a global one",
        "aws.bedrock",
        "arn:aws:bedrock:eu-west-1:1:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        Usage(10_000, 1_000),
        ((10_000, "3.00"), (1_000, "15.00")), "0.045",
    ),
    Worked(
        "Nova, with a cached prompt",
        "aws.bedrock", "amazon.nova-pro-v1:0", Usage(10_000, 1_000, cache_read=6_000),
        ((4_000, "0.80"), (6_000, "0.20"), (1_000, "3.20")), "0.0076",
    ),
    Worked(
        "Gemini on Vertex by its resource path, a long prompt",
        "gcp.vertex_ai", "publishers/google/models/gemini-2.5-pro", Usage(300_000, 5_000),
        ((300_000, "2.50"), (5_000, "15.00")), "0.825",
    ),
    Worked(
        "Gemini listening",
        "gcp.gemini", "models/gemini-2.5-flash", Usage(33_000, 600, audio_input=32_000),
        ((1_000, "0.30"), (32_000, "1.00"), (600, "2.50")), "0.0338",
    ),
    Worked(
        "an Azure deployment, by the model that served",
        "azure.ai.openai", "gpt-4o-2024-11-20", Usage(1_200, 350),
        ((1_200, "2.50"), (350, "10.00")), "0.0065",
    ),
    Worked(
        "a search with a fee per request",
        "perplexity", "sonar-pro", Usage(900, 400),
        ((900, "3.00"), (400, "15.00")), "0.0227",
        fee="0.014",
    ),
    Worked(
        "an open model at a host of open models",
        "groq", "llama-3.3-70b-versatile", Usage(7_000, 1_500),
        ((7_000, "0.59"), (1_500, "0.79")), "0.005315",
    ),
    Worked(
        "by night, at half the price",
        "deepseek", "deepseek-chat", Usage(100_000, 10_000, cache_read=64_000),
        ((36_000, "0.135"), (64_000, "0.035"), (10_000, "0.55")), "0.0126",
        when=at("2025-06-20T20:00"),
    ),
    Worked(
        "a fine-tuned model",
        "openai", "ft:gpt-4o-mini-2024-07-18:acme::a1b2c3", Usage(10_000, 2_000),
        ((10_000, "0.30"), (2_000, "1.20")), "0.0054",
    ),
    Worked(
        "priority, by the tier that served",
        "openai", "gpt-4o", Usage(4_000, 1_000),
        ((4_000, "4.25"), (1_000, "17.00")), "0.034",
        tier="priority",
    ),
    Worked(
        "Claude on Bedrock by the inference profile of Japan",
        "aws.bedrock", "jp.anthropic.claude-sonnet-4-5-20250929-v1:0", Usage(10_000, 1_000),
        ((10_000, "3.30"), (1_000, "16.50")), "0.0495",
    ),
    Worked(
        "Claude on Vertex by its dated name",
        "gcp.vertex_ai",
        "projects/p/locations/global/publishers/anthropic/models/claude-sonnet-4-5@20250929",
        Usage(12_000, 800, cache_read=10_000),
        ((2_000, "3.00"), (10_000, "0.30"), (800, "15.00")), "0.021",
    ),
    Worked(
        "a batch of Gemini that listens, with a cached prompt",
        "gcp.gemini", "gemini-2.5-flash",
        Usage(50_000, 2_000, cache_read=10_000, audio_input=30_000),
        ((10_000, "0.15"), (10_000, "0.03"), (30_000, "0.50"), (2_000, "1.25")), "0.0193",
        tier="batch",
    ),
    Worked(
        "speech in and out of a model whose audio the table leaves out",
        "openai", "gpt-4o-audio-preview-2024-12-17",
        Usage(3_000, 2_000, audio_input=2_000, audio_output=1_500),
        ((1_000, "2.50"), (2_000, "40.00"), (500, "10.00"), (1_500, "80.00")), "0.2075",
    ),
    Worked(
        "a batch with a cached prompt of a model whose batches the table leaves out",
        "anthropic", "claude-3-5-haiku-20241022",
        Usage(10_000, 1_000, cache_read=6_000, cache_write=3_000),
        ((1_000, "0.40"), (6_000, "0.04"), (3_000, "0.50"), (1_000, "2.00")), "0.00414",
        tier="batch",
    ),
    Worked(
        "a batch of embeddings",
        "openai", "text-embedding-3-small", Usage(1_000_000, 0),
        ((1_000_000, "0.01"),), "0.01",
        tier="batch",
    ),
    Worked(
        "Claude Opus 4.1 with all that a cache does",
        "anthropic", "claude-opus-4-1-20250805",
        Usage(10_000, 500, cache_read=6_000, cache_write=3_000, cache_write_1h=1_000),
        ((1_000, "15.00"), (6_000, "1.50"), (2_000, "18.75"), (1_000, "30.00"), (500, "75.00")),
        "0.129",
    ),
    Worked(
        "pictures seen and drawn",
        "openai", "gpt-image-1", Usage(1_000, 4_000, image_input=800, image_output=4_000),
        ((200, "5.00"), (800, "10.00"), (4_000, "40.00")), "0.169",
    ),
    Worked(
        "a fine-tuned snapshot with its suffix",
        "openai", "ft:gpt-4o-mini-2024-07-18:acme::9aBcD", Usage(1_000, 1_000),
        ((1_000, "0.30"), (1_000, "1.20")), "0.0015",
    ),
    Worked(
        "a gateway's name for a model of Bedrock in a region",
        "litellm", "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", Usage(1_000, 1_000),
        ((1_000, "3.30"), (1_000, "16.50")), "0.0198",
    ),
    Worked(
        "a gateway that adds nothing",
        "gateway", "anthropic/claude-sonnet-4.5", Usage(1_000, 100),
        ((1_000, "3.00"), (100, "15.00")), "0.0045",
    ),
    Worked(
        "a router's model",
        "openrouter", "anthropic/claude-sonnet-4.5", Usage(1_000, 100),
        ((1_000, "3.00"), (100, "15.00")), "0.0045",
    ),
    Worked(
        "a free variant of a router",
        "openrouter", "deepseek/deepseek-r1:free", Usage(1_000, 100),
        (), "0",
    ),
    Worked(
        "five searches of the web, beside what they found",
        "anthropic", SONNET, Usage(42_000, 900, web_searches=5),
        ((42_000, "3.00"), (900, "15.00")), "0.1895",
        fee="0.05",
    ),
    Worked(
        "three searches for one prompt, which had speech in it",
        "gcp.gemini", "gemini-2.5-pro", Usage(1_000, 10, audio_input=100, web_searches=3),
        ((1_000, "1.25"), (10, "10")), "0.03635", fee="0.035",
    ),
    Worked(
        "searches of the web and of files, with a cached prompt",
        "openai", "gpt-5", Usage(60_000, 1_500, cache_read=20_000, web_searches=2, file_searches=4),
        ((40_000, "1.25"), (20_000, "0.125"), (1_500, "10.00")), "0.0975",
        fee="0.03",
    ),
    Worked(
        "an answer grounded in Google Search by three queries",
        "gcp.gemini", "gemini-3.5-flash", Usage(2_000, 400, web_searches=3),
        ((2_000, "1.50"), (400, "9.00")), "0.0486",
        fee="0.042",
    ),
    Worked(
        "nothing said and nothing answered",
        "openai", "gpt-4o", Usage(0, 0),
        (), "0",
    ),
]  # fmt: skip


@pytest.mark.parametrize("bill", BILLS, ids=lambda bill: bill.about)
def test_a_bill_comes_to_the_same_as_by_hand(bill: Worked):
    by_hand = sum((n * Decimal(rate) / 1_000_000 for n, rate in bill.lines), Decimal(bill.fee))

    found = book().cost(bill.provider, bill.model, bill.usage, bill.when, bill.tier)

    assert by_hand == Decimal(bill.total)
    assert found is not None
    assert found.total == Decimal(bill.total)


def test_there_are_thirty_of_them():
    assert len(BILLS) >= 30
