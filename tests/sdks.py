"""Run the tests of an SDK against other versions of it: ``python -m tests.sdks [NAME ...]``.

``.venv`` has the newest version of each SDK. The others live in ``.sdks/NAME``, put there by pip
on first use; what cannot be installed (no package index) is said and left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(".sdks")


@dataclass(frozen=True)
class Alternate:
    """One version of an SDK (or several, apart by a blank), and the word for its tests (``-k``)."""

    requirement: str
    tests: str
    options: tuple[str, ...] = ()
    """Further options of pytest."""


ALTERNATES = {
    # The oldest of all that the app wing itself needs.
    "opentelemetry-1.39": Alternate(
        "opentelemetry-api==1.39.0 opentelemetry-sdk==1.39.0 opentelemetry-instrumentation==0.60b0"
        " opentelemetry-instrumentation-botocore==0.60b0 opentelemetry-exporter-otlp==1.39.0"
        " wrapt==1.17.0 grpcio==1.68.0",
        "",
    ),
    "openai-2.0": Alternate("openai==2.0.0", "openai and not agents"),
    "openai-2": Alternate("openai>=2,<3", "openai and not agents"),
    "anthropic-1.0": Alternate("anthropic==1.0.0", "anthropic"),
    "anthropic-1": Alternate("anthropic>=1,<2", "anthropic"),
    "google-genai-2.0": Alternate("google-genai==2.0.0", "google"),
    "google-genai-2": Alternate("google-genai>=2,<3", "google"),
    # Older than the boto3 of .venv, which the example needs.
    "botocore-1.35": Alternate("aiobotocore==2.15.0", "bedrock and not example"),
    # It reaches into pydantic, which has changed since.
    "mcp-1.8": Alternate("mcp==1.8.0 pydantic<2.12", "mcp", ("-W", "ignore")),
    "mcp-1": Alternate("mcp>=1,<2", "mcp"),
    "mcp-2.0": Alternate("mcp==2.0.0", "mcp"),
    "mistralai-1": Alternate("mistralai==1.12.4", "mistral"),
    "mistralai-2": Alternate("mistralai==2.0.0", "mistral"),
    "cohere-5": Alternate("cohere==5.20.0", "cohere"),
    "ollama-0.6": Alternate("ollama==0.6.0", "ollama"),
    # Needs openai 2, so it cannot be in .venv; importing it warns a lot.
    "litellm-1": Alternate("litellm>=1.100,<2", "litellm", ("-W", "ignore")),
    "litellm-1.100": Alternate("litellm==1.100.0", "litellm", ("-W", "ignore")),
    "groq-0.13": Alternate("groq==0.13.0", "groq"),
    "langchain-1.0": Alternate(
        "langchain==1.0.0 langchain-core==1.0.0 langgraph==1.0.0 langchain-openai==1.0.0",
        "langchain or langgraph",
    ),
    # Newer than the rest of .venv lets it be.
    "langchain-1": Alternate(
        "--no-deps langchain==1.5.0 langchain-core==1.8.2 langchain-openai==1.7.4",
        "langchain or langgraph",
    ),
    # Its packages for every provider, over the provider's own SDK; some leave connections open.
    "langchain-all": Alternate(
        "langchain-classic>=1,<2 langchain-anthropic langchain-aws langchain-google-genai"
        " langchain-mistralai langchain-cohere langchain-groq langchain-ollama",
        "langchain_providers or langchain_others",
        ("-W", "ignore"),
    ),
    # Its asynchronous client leaves a connection open.
    "chroma": Alternate("chromadb>=1,<2", "chroma", ("-W", "ignore::ResourceWarning")),
    "chroma-1.0": Alternate("chromadb==1.0.0", "chroma", ("-W", "ignore")),
    "lancedb": Alternate("lancedb>=0.40,<1", "lancedb"),
    # Its package for OpenAI needs openai 2; its memory leaves a database open, whose thread may
    # still answer an event loop that is closed.
    "llama-index": Alternate(
        "llama-index-core>=0.14,<0.15 llama-index-llms-openai>=0.8,<0.9 "
        "llama-index-embeddings-openai>=0.7,<0.8",
        "llama_index",
        (
            "-Wignore::ResourceWarning",
            "-Wignore::pytest.PytestUnhandledThreadExceptionWarning",
        ),
    ),
    "llama-index-all": Alternate(
        "llama-index-core>=0.14,<0.15 llama-index-llms-openai llama-index-llms-bedrock-converse"
        " llama-index-llms-google-genai llama-index-llms-mistralai llama-index-llms-cohere"
        " llama-index-llms-groq llama-index-llms-ollama",
        "llama_index_providers",
        ("-W", "ignore"),
    ),
    "llama-index-0.14.0": Alternate(
        "llama-index-core==0.14.0 llama-index-workflows==2.0.0 llama-index-llms-openai==0.5.6 "
        "llama-index-embeddings-openai==0.5.1",
        "llama_index",
        ("-W", "ignore"),
    ),
    "pinecone": Alternate("pinecone>=10,<11", "pinecone"),
    "qdrant": Alternate("qdrant-client>=1.17,<2", "qdrant"),
    # Other vendors' instrumentations; not in .venv, where they would trace every test.
    "vendors": Alternate(
        "--no-deps opentelemetry-util-genai==1.3b0"
        " opentelemetry-instrumentation-genai-openai==1.3b0"
        " opentelemetry-instrumentation-openai==0.62.4"
        " opentelemetry-semantic-conventions-ai==0.5.1",
        "completion_hook or other_vendors",
    ),
    "datadog": Alternate("ddtrace>=4,<5", "datadog"),
    "qdrant-1.12": Alternate("qdrant-client==1.12.0", "qdrant"),
    "weaviate": Alternate("weaviate-client>=4,<5", "weaviate"),
    "weaviate-4.9": Alternate("weaviate-client==4.9.0", "weaviate", ("-W", "ignore")),
}


def main(names: list[str]) -> int:
    """Run the named alternates, all of them by default; return 1 when a test failed."""
    chosen = {name: ALTERNATES[name] for name in names or ALTERNATES}
    return max((run(name, alternate) for name, alternate in chosen.items()), default=0)


def run(name: str, alternate: Alternate) -> int:
    """Run the tests of one alternate; return 1 when one failed."""
    folder = FOLDER / name
    if not installed(folder, alternate.requirement):
        print(f"==> {name}: {alternate.requirement} cannot be installed here, left out", flush=True)
        return 0
    print(f"==> {name}: {alternate.requirement}", flush=True)
    path = os.pathsep.join(filter(None, [str(folder.resolve()), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "pytest", "tests/instrumentation", "-k", alternate.tests]
    options = ["-q", "-n", "2", "-p", "no:cacheprovider", *alternate.options]
    environ = {**os.environ, "PYTHONPATH": path, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run([*command, *options], env=environ, check=False)
    return 1 if done.returncode else 0


def installed(folder: Path, requirement: str) -> bool:
    """Return whether ``folder`` holds the requirement, after trying to put it there."""
    stamp = folder / ".requirement"
    if stamp.exists() and stamp.read_text() == requirement:
        return True
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--upgrade", "--target", str(folder), *requirement.split()], check=False
    )
    if "opentelemetry" not in requirement:  # what an SDK pulled in must not shadow ours
        for ours in folder.glob("opentelemetry*"):
            shutil.rmtree(ours)
    if done.returncode == 0:
        stamp.write_text(requirement)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
