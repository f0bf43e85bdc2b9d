"""The same calls, instrumented by hand by somebody who knows exactly what they are.

The floor of ``app_overhead.py``: one span with the attributes that otel-llm gives it and the same
metrics with the same attributes, written down without asking what could be missing. One file per
SDK; ``app_overhead`` compares what both wrote before it measures.
"""

from .anthropic import Anthropic
from .bedrock import Bedrock
from .cohere import Cohere
from .google_genai import GoogleGenAI
from .groq import Groq
from .hand import Hand
from .mistral import Mistral
from .ollama import Ollama
from .openai import OpenAI

SDKS: tuple[type[Hand], ...] = (
    OpenAI,
    Anthropic,
    GoogleGenAI,
    Bedrock,
    Mistral,
    Cohere,
    Groq,
    Ollama,
)

__all__ = ["SDKS", "Hand", "OpenAI"]
