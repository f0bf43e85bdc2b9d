"""What was said is read back by those who have the key, and by nobody else."""

from __future__ import annotations

import base64
import secrets
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from otel_llm.store.content import ContentConfig, ContentStore, Tampered, WrongKey

KEY, OTHER = secrets.token_bytes(32).hex(), base64.b64encode(secrets.token_bytes(32)).decode()
TRACE, SPAN = "0" * 31 + "1", "0" * 15 + "1"
SAID = {
    "gen_ai.input.messages": '[{"role": "user", "parts": [{"content": "the PLANTED words"}]}]',
    "gen_ai.tool.call.arguments": {"city": "Tromsø", "days": [1, 2], "lone": "\ud800"},
}


@pytest.fixture
def opened(tmp_path: Path):
    stores: list[ContentStore] = []

    def opened(**settings) -> ContentStore:
        config = ContentConfig(**{"path": tmp_path / "in" / "c.sqlite", "key": KEY, **settings})
        stores.append(ContentStore(config))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_content_is_read_back_as_it_was_put_also_after_a_restart(opened):
    store = opened()
    reference = store.put(SAID, TRACE, SPAN)
    store.close()

    assert opened().read(reference) == SAID


def test_nothing_readable_is_on_the_disk_and_the_files_are_the_owners_alone(opened, tmp_path):
    store = opened()
    store.put(SAID, TRACE, SPAN)

    found = files(tmp_path)
    assert len(found) > 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    assert not [path for path in found if b"PLANTED" in path.read_bytes()]


def test_a_file_that_others_could_read_is_closed_to_them(opened, tmp_path):
    (tmp_path / "c.sqlite").touch(0o644)

    opened(path=tmp_path / "c.sqlite")

    assert stat.S_IMODE((tmp_path / "c.sqlite").stat().st_mode) == 0o600


def test_what_is_put_twice_is_kept_once_and_nobody_can_overwrite_it(opened):
    store = opened()

    first = store.put(SAID, TRACE, SPAN)
    size = store.size()
    again, other = store.put(SAID, TRACE, SPAN), store.put({"x": "y"}, TRACE, SPAN)

    assert first == again != other
    assert store.read(first) == SAID
    assert store.size() > size


def test_an_old_key_opens_what_it_sealed_and_the_first_one_seals(opened):
    before = opened()
    old = before.put(SAID, TRACE, SPAN)
    before.close()

    rotated = opened(key=f"{OTHER} {KEY}")
    new = rotated.put({"x": "y"}, TRACE, SPAN)
    rotated.close()
    after = opened(key=OTHER)

    assert rotated is not after
    assert after.read(new) == {"x": "y"}
    with pytest.raises(WrongKey, match=r"sealed with the key [0-9a-f]{8}, which is not"):
        after.read(old)


def test_both_keys_open_both_while_they_are_rotated(opened):
    before = opened()
    old = before.put(SAID, TRACE, SPAN)
    before.close()

    rotated = opened(key=f"{OTHER} {KEY}")

    assert rotated.read(old) == SAID


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE content SET sealed = substr(sealed, 1, 20) || x'00' || substr(sealed, 22)",
        "UPDATE content SET sealed = x'00'",
        "UPDATE content SET reference = 'ffffffffffffffffffffffffffffffff'",
    ],
)
def test_what_was_changed_or_moved_is_not_shown(opened, tmp_path, change):
    store = opened()
    reference = store.put(SAID, TRACE, SPAN)
    with sqlite3.connect(tmp_path / "in" / "c.sqlite") as database:
        database.execute(change)
    database.close()

    shown = "f" * 32 if "ffff" in change else reference
    with pytest.raises(Tampered, match="is not what was sealed"):
        store.read(shown)


@pytest.mark.parametrize("reference", ["", "f" * 32, "F" * 32, "' OR 1=1 --"])
def test_what_is_not_there_is_none(opened, reference):
    assert opened().read(reference) is None


def test_what_is_too_old_goes_and_leaves_no_trace(opened):
    store = opened(retain_for=60.0)
    reference = store.put(SAID, TRACE, SPAN)

    kept, gone = store.expire(), store.expire(time.time() + 61)

    assert (kept, gone) == (0, 1)
    assert store.read(reference) is None
    assert store.size() == 0


def test_when_there_is_too_much_the_oldest_goes(opened):
    store = opened(max_size=1000)
    references = [store.put({"x": secrets.token_hex(150)}, TRACE, SPAN) for _ in range(10)]

    store.expire()

    there = [store.read(reference) is not None for reference in references]
    assert 0 < store.size() <= 1000
    assert there == sorted(there)
    assert there[-1]


def test_what_expires_goes_without_anyone_asking(opened):
    early = opened()
    reference = early.put(SAID, TRACE, SPAN)
    early.close()

    store = opened(retain_for=1e-9)
    store.start()
    until = time.monotonic() + 60
    while store.read(reference) is not None and time.monotonic() < until:
        time.sleep(0.01)

    assert store.read(reference) is None


def test_two_processes_may_share_one_file(opened):
    one, other = opened(), opened()

    assert other.read(one.put(SAID, TRACE, SPAN)) == SAID


@pytest.mark.parametrize("key", ["short", "z" * 64, "A" * 44])
def test_a_key_that_is_none_is_refused_and_not_quoted(key, tmp_path):
    with pytest.raises(ValueError, match="openssl rand -base64 32") as error:
        ContentConfig(tmp_path / "c", key=key)

    assert key not in str(error.value)


def test_a_key_is_needed_in_one_place(tmp_path):
    for settings in ({}, {"key": KEY, "key_file": tmp_path / "k"}):
        with pytest.raises(ValueError, match="key or key_file"):
            ContentConfig(tmp_path / "c", **settings)
    assert KEY not in repr(ContentConfig(tmp_path / "c", key=KEY))


def test_a_key_comes_from_a_file_too(opened, tmp_path):
    (tmp_path / "keys").write_text(f"{KEY}\n{OTHER}\n")
    reference = opened().put(SAID, TRACE, SPAN)

    assert opened(key="", key_file=tmp_path / "keys").read(reference) == SAID


def test_when_it_cannot_be_kept_the_caller_learns_it(opened):
    store = opened()
    store.close()

    with pytest.raises(OSError, match="cannot be written"):
        store.put(SAID, TRACE, SPAN)
