"""What answers in OpenAI's shape say, by hand: OpenAI's own, Groq's and Mistral's."""

from __future__ import annotations

from typing import Any

from .hand import Hand, said


class ChatHand(Hand):
    """One call whose answer has choices."""

    def told(self, answer: Any) -> list[dict[str, Any]]:
        return [
            said("assistant", c.message.content, finish_reason=c.finish_reason)
            for c in answer.choices
        ]

    def counted(self, answer: Any) -> tuple[dict[str, Any], int, int]:
        attributes = {**self.start, "gen_ai.response.model": answer.model}
        return attributes, answer.usage.prompt_tokens, answer.usage.completion_tokens
