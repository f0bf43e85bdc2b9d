"""Programs whose tests put mocks in the place of what an SDK would have done."""

from __future__ import annotations

from types import SimpleNamespace
from unittest import mock

import openai
import pytest
from openai.types.chat import ChatCompletion

from otel_llm.testing import openai as wire

from .both import got, read
from .openai_sdk import (  # noqa: F401 - fixtures
    client_fixture,
    instrument_fixture,
    provider_fixture,
)

ASK = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}


class Unwilling:
    """Raises for whatever it is asked, as a proxy of nothing does."""

    def __getattr__(self, name):
        raise RuntimeError(name)


RETURNED = [
    mock.Mock(),
    mock.MagicMock(),
    mock.NonCallableMagicMock(),
    mock.Mock(spec=ChatCompletion),
    mock.create_autospec(openai.Stream, instance=True),
    mock.sentinel.answer,
    SimpleNamespace(choices=None, usage="many"),
    Unwilling(),
    ChatCompletion,
    ValueError("not raised"),
    {"choices": 7},
    [1],
    "text",
    3,
    None,
]


@pytest.fixture(autouse=True)
def _instrumented(instrument_openai):
    instrument_openai(capture="SPAN_ONLY")


@pytest.mark.guards_may_swallow
@pytest.mark.parametrize("returned", RETURNED, ids=lambda thing: type(thing).__name__)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_mock_below_the_method_returns_reaches_the_caller(
    openai_client, telemetry, returned, stream
):
    answered = mock.AsyncMock if isinstance(openai_client, openai.AsyncOpenAI) else mock.Mock
    with mock.patch.object(type(openai_client), "post", answered(return_value=returned)):
        answer = await got(openai_client.chat.completions.create(**ASK, stream=stream))

    assert answer is returned


async def test_a_mock_of_the_method_itself_is_called_as_without_us(openai_client, telemetry):
    kind = type(openai_client.chat.completions)
    with mock.patch.object(kind, "create", autospec=True) as create:
        await got(openai_client.chat.completions.create(**ASK))
        create.assert_called_once_with(openai_client.chat.completions, **ASK)

    await got(openai_client.chat.completions.create(**ASK))
    assert telemetry.span()["status"] == "UNSET"


async def test_a_transport_that_answers_itself_is_traced(openai_client, telemetry):
    """As ``respx`` and ``pytest-httpx`` do it."""
    http = pytest.importorskip("httpx2" if not openai.__version__.startswith("2.") else "httpx")
    events = b"".join(wire.stream(wire.completion_chunks()).steps)

    def answer(request):
        if b"stream" in request.content:
            head = {"content-type": "text/event-stream"}
            return http.Response(200, headers=head, content=events)
        return http.Response(200, json=wire.completion())

    transport = http.MockTransport(answer)
    asynchronous = isinstance(openai_client, openai.AsyncOpenAI)
    made = (http.AsyncClient if asynchronous else http.Client)(transport=transport)
    client = openai_client.with_options(http_client=made)

    whole = await got(client.chat.completions.create(**ASK))
    raw = await got(client.chat.completions.with_raw_response.create(**ASK))
    chunks = await read(await got(client.chat.completions.create(**ASK, stream=True)))
    await got(client.close())

    assert whole.choices[0].message.content == raw.parse().choices[0].message.content == wire.TEXT
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert [span["gen_ai.response.id"] for span in telemetry.spans()] == ["chatcmpl-1"] * 3
