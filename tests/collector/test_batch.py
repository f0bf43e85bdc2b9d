"""How requests are joined is each destination's; the processor says it for all of a pipeline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otel_llm.collector.exporters.otlp import OtlpExporterConfig
from otel_llm.collector.processors.batch import BatchConfig, BatchProcessor
from otel_llm.collector.sending.destination import BatchConfig as JoiningConfig
from otel_llm.collector.sending.destination import QueueConfig
from tests.collector.test_sending import STEADY, Scripted, delivered, numbers, traces


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, JoiningConfig(0.2, 2**20, 8192)),
        ({"timeout": 5.0, "send_batch_size": 10}, JoiningConfig(5.0, 2**20, 10)),
        ({"send_batch_size": 10, "send_batch_max_size": 20}, JoiningConfig(0.2, 2**20, 20)),
        ({"send_batch_size": 0}, JoiningConfig(0.2, 2**20, 0)),
    ],
)
def test_every_destination_is_told(given, told):
    exporter = OtlpExporterConfig("h:1", headers={"a": "b"}, sending_queue=QueueConfig())

    applied = BatchProcessor(BatchConfig(**given)).applied(exporter)

    assert applied.sending_queue.batch == told
    assert (applied.endpoint, applied.headers) == ("h:1", {"a": "b"})


@pytest.mark.parametrize(
    "wrong",
    [{"send_batch_size": -1}, {"send_batch_max_size": 5}, {"send_batch_max_size": -1}],
)
def test_sizes_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="must not be below"):
        BatchConfig(**wrong)


def test_a_batch_holds_no_more_than_it_may_and_nothing_is_lost():
    there = Scripted()
    limited = replace(STEADY, sending_queue=QueueConfig(batch=JoiningConfig(max_items=3)))

    delivered(there, traces(1, 2), traces(3), traces(4, 5, 6, 7, 8), settings=limited)

    sizes = [len(numbers(payload)) for payload in there.accepted]
    assert sorted(there.numbers()) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert max(sizes) <= 3
    assert there.numbers() == sorted(there.numbers())
