"""Whether there is memory for one more request: in a container, with all that is in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_llm.collector.component import Arrival, Signal
from otel_llm.collector.intake import memory
from otel_llm.collector.intake.answers import Failure
from otel_llm.collector.intake.config import LimitsConfig, OtlpConfig
from otel_llm.collector.intake.container import Container, container
from otel_llm.collector.intake.memory import Memory, machine
from otel_llm.collector.intake.taking import Intake
from otel_llm.collector.measures.counters import Counters

MIB = 2**20


class Groups:
    """The files by which a kernel tells of one group below another."""

    def __init__(self, folder: Path, version: int, *, inside: bool = False) -> None:
        self.mounted, self.ours = folder / "cgroup", folder / "ours"
        self.version = version
        top = self.mounted / ("memory" if version == 1 else "")
        self.place = top if inside else top / "system.slice/otel-llm.service"
        self.place.mkdir(parents=True)
        line = "0::" if version == 2 else "8:cpu:/\n4:hugetlb,memory:"
        name = "/docker/4f1" if inside and version == 1 else "/"
        self.ours.write_text(line + (name if inside else "/system.slice/otel-llm.service") + "\n")

    def limit(self, value: str, *, above: bool = False) -> None:
        name = "memory.max" if self.version == 2 else "memory.limit_in_bytes"
        (self.place.parent if above else self.place).joinpath(name).write_text(f"{value}\n")

    def hold(self, ours: int, in_memory_files: int, files: int) -> None:
        name = "memory.current" if self.version == 2 else "memory.usage_in_bytes"
        (self.place / name).write_text(f"{ours + in_memory_files + files}\n")
        names = ("anon", "shmem") if self.version == 2 else ("total_rss", "total_shmem")
        held = (("file", files), (names[0], ours), (names[1], in_memory_files))
        lines = [f"{name} {size}\n" for name, size in held]
        (self.place / "memory.stat").write_text("".join(lines))

    def seen(self) -> Container | None:
        return container(self.mounted, self.ours)


@pytest.mark.parametrize("inside", [True, False], ids=["container", "unit"])
@pytest.mark.parametrize("version", [1, 2])
def test_the_limit_of_the_group_that_we_are_in_is_seen(tmp_path: Path, version: int, inside: bool):
    groups = Groups(tmp_path, version, inside=inside)
    groups.limit(str(512 * MIB))

    assert (seen := groups.seen())
    assert seen.limit == 512 * MIB


@pytest.mark.parametrize("version", [1, 2])
def test_the_least_of_the_limits_around_us_holds(tmp_path: Path, version: int):
    groups = Groups(tmp_path, version)
    groups.limit("max" if version == 2 else str(2**63 - 4096))
    groups.limit(str(256 * MIB), above=True)

    assert (seen := groups.seen())
    assert seen.limit == 256 * MIB


def test_without_a_limit_there_is_no_container(tmp_path: Path):
    groups = Groups(tmp_path, 2)
    groups.limit("max")

    assert groups.seen() is None
    assert container(tmp_path / "none", tmp_path / "none") is None


@pytest.mark.parametrize("version", [1, 2])
def test_pages_of_files_do_not_count_and_files_in_memory_do(tmp_path: Path, version: int):
    groups = Groups(tmp_path, version)
    groups.limit(str(512 * MIB))
    seen = groups.seen()
    assert seen

    groups.hold(100 * MIB, 30 * MIB, 370 * MIB)

    assert seen.used(384 * MIB) == 130 * MIB


@pytest.fixture
def within(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Groups:
    """A container of 512 MiB that this process seems to be in."""
    groups = Groups(tmp_path, 2)
    groups.limit(str(512 * MIB))
    groups.hold(100 * MIB, 0, 0)
    monkeypatch.setattr(memory, "container", groups.seen)
    return groups


def test_what_other_processes_of_the_container_have_counts(within: Groups):
    asked = Memory(None)
    before = asked.short()

    within.hold(400 * MIB, 0, 0)  # workers, of which this one has least

    assert (before, asked.short(8 * MIB)) == (False, True)


def test_a_container_that_others_have_filled_goes_on(
    within: Groups, monkeypatch: pytest.MonkeyPatch
):
    within.hold(500 * MIB, 0, 0)
    told = []
    for ours in (60, 70):
        monkeypatch.setattr(memory, "resident", lambda ours=ours: ours * MIB)
        told.append(Memory(None).short())

    assert told == [False, True]


def test_mapped_files_do_not_make_a_container_short(within: Groups):
    within.hold(130 * MIB, 0, 380 * MIB)  # by its pages in memory the process has more than it may

    assert not Memory(None).short()


def test_a_limit_that_somebody_set_is_for_the_process_alone(within: Groups):
    within.hold(500 * MIB, 0, 0)

    assert not Memory(machine()).short()
    assert Memory(1).short()


def test_a_container_with_more_than_the_machine_has_is_the_machine(within: Groups):
    within.limit(str(2 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    within.hold(3 * machine(), 0, 0)

    assert not Memory(None).short()


def test_requests_that_came_in_together_are_taken_while_there_is_memory(within: Groups):
    def consume(signal: Signal, payload: bytes, arrival: Arrival) -> None:
        taken.append(len(payload))
        within.hold((200 + 60 * len(taken)) * MIB, 0, 0)

    taken: list[int] = []
    request = ExportLogsServiceRequest()
    log = request.resource_logs.add().scope_logs.add().log_records.add()
    log.body.string_value = "x" * 5 * MIB
    intake = Intake(OtlpConfig(limits=LimitsConfig()), consume, Counters())
    entered = [intake.enter({}) for _ in range(8)]

    outcomes = [intake.take("logs", request.SerializeToString(), "http") for _ in range(8)]

    assert entered == [""] * 8
    told = [outcome.http_status if isinstance(outcome, Failure) else 200 for outcome in outcomes]
    assert told == [200] * 4 + [503] * 4  # with 100, 260, 320 and 380 MiB; then 440 of 384
