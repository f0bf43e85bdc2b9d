"""What is made of files, made anew when they change."""

from __future__ import annotations

from pathlib import Path

from otel_llm.collector.fresh import AGAIN_S, Fresh


def test_a_file_that_could_not_be_read_for_a_moment_is_read_later_though_it_did_not_change(
    tmp_path: Path,
):
    file, now, tries = tmp_path / "cert", [0.0], list[float]()
    file.write_text("old")

    def make() -> str:
        tries.append(now[0])
        if 0 < now[0] < 2 * AGAIN_S:
            raise OSError(24, "Too many open files")
        return file.read_text()

    fresh = Fresh([file], make, clock=lambda: now[0])
    file.write_text("newer")
    found = []
    for second in range(1, int(3 * AGAIN_S)):
        now[0] = float(second)
        found.append(fresh.get())

    tried = [0.0, 1.0, 1 + AGAIN_S, 1 + 2 * AGAIN_S]
    assert tries == tried
    assert found == ["old"] * int(2 * AGAIN_S) + ["newer"] * int(AGAIN_S - 1)
