"""Trace an agent of your own: a workflow, a retrieval, a tool and a call no instrumentor knows.

    pip install otel-llm
    opentelemetry-instrument --traces_exporter console python examples/own_code.py

Without ``opentelemetry-instrument`` it runs just the same and sends nothing.
"""

from __future__ import annotations

from otel_llm import (
    agent,
    llm_call,
    record_feedback,
    retrieval,
    set_prompt,
    set_session,
    set_tags,
    set_user,
    tool,
    trace_summary,
    workflow,
)

DOCUMENTS = {"d1": "Oslo lies at 59.9 degrees north.", "d2": "Bread needs flour."}


@retrieval("facts", top_k=1)
def find(question: str) -> list[str]:
    words = set(question.lower().split())
    return [text for text in DOCUMENTS.values() if words & set(text.lower().split())][:1]


@tool(description="Rounds to whole degrees")
def rounded(degrees: float) -> int:
    return round(degrees)


def ask_my_own_server(prompt: str) -> str:
    """Stand for a model that is reached without any SDK."""
    with llm_call("my-model", provider="acme", temperature=0.0) as call:
        answer = f"From '{prompt}': about {rounded(59.9)} degrees."
        call.set_response(
            model="my-model-2",
            finish_reasons=["stop"],
            input_tokens=len(prompt.split()),
            output_tokens=len(answer.split()),
        )
        return answer


@workflow("answer")
def answer(question: str) -> str:
    set_user("u-7")
    set_session("s-1")
    set_prompt("geography", version="3")
    set_tags(feature="help", team="maps", channel="web")
    with agent("geographer", model="my-model") as run:
        said = ask_my_own_server(find(question)[0])
        record_feedback(1.0, run=run)
    summary = trace_summary()
    assert summary is not None
    print(f"{summary.calls} call, {summary.tools} tool, {summary.output_tokens} tokens out")
    return said


if __name__ == "__main__":
    print(answer("where lies oslo"))
