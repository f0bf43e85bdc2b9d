"""The control group that this process is in, where it may not have the machine's whole memory: a
container, or a unit of systemd's with ``MemoryMax=``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOUNTED = Path("/sys/fs/cgroup")
_GROUPS_OF_OURS = Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True)
class _Version:
    mounted: str
    limit: str
    used: str
    kept: frozenset[str]
    """Lines of ``memory.stat`` about what the kernel cannot take back: no file's pages."""


_VERSIONS: Final = {
    "": _Version("", "memory.max", "memory.current", frozenset({"anon", "shmem"})),
    "memory": _Version(
        "memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        frozenset({"total_rss", "total_shmem"}),
    ),
}
"""By the controller that a line of ``/proc/self/cgroup`` names: version 2 names none."""


@dataclass(frozen=True, slots=True)
class Container:
    """One group, with all processes in it."""

    limit: int
    """Bytes that it may have: the least that it, or a group around it, is given."""
    _place: Path
    _version: _Version

    def used(self, beyond: int) -> int:
        """Return the bytes that it has and cannot give back, closely only when they may be more
        than ``beyond``; 0 where the system does not say."""
        with suppress(OSError, ValueError):
            most = int((self._place / self._version.used).read_text())
            return most if most <= beyond else self._kept()
        return 0

    def _kept(self) -> int:
        lines = map(str.split, (self._place / "memory.stat").read_text().splitlines())
        return sum(int(line[1]) for line in lines if line[0] in self._version.kept)


def container(mounted: Path = _MOUNTED, ours: Path = _GROUPS_OF_OURS) -> Container | None:
    """Return the group of this process; ``None`` where none has a limit."""
    for version, group in _groups(ours):
        top = mounted / version.mounted
        place = top / group.lstrip("/")
        if ".." in place.parts or not place.is_dir():
            place = top  # seen from inside, a container is all there is
        around = [place, *(above for above in place.parents if above.is_relative_to(top))]
        if limits := list(_limits(around, version.limit)):
            return Container(min(limits), place, version)
    return None


def _groups(ours: Path) -> Iterator[tuple[_Version, str]]:
    with suppress(OSError):
        for line in ours.read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            for controller in controllers.split(","):
                if controller in _VERSIONS:
                    yield _VERSIONS[controller], group


def _limits(places: list[Path], name: str) -> Iterator[int]:
    for place in places:
        with suppress(OSError, ValueError):  # "max", or not there
            yield int((place / name).read_text())
