"""Where the commands about calls get their answers: a running collector, or its file."""

from __future__ import annotations

import argparse
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otel_llm.store import DuckDBStore

DEFAULT_URL: Final = "http://127.0.0.1:4319"
PATIENCE_S: Final = 60.0
ROOM_BYTES: Final = 2**30
"""What may be used on a file of its own: a million calls are not sorted in a collector's share."""


class Unanswered(Exception):
    """There is no answer; the message says why."""


def add_source(parser: argparse.ArgumentParser) -> None:
    """Describe ``--url``, ``--token-file`` and ``--store``."""
    parser.add_argument("--url", default=DEFAULT_URL, help=f"a collector; default: {DEFAULT_URL}")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="holds the token that its API wants"
    )
    parser.add_argument(
        "--store",
        type=Path,
        metavar="FILE",
        help="read the file of a collector that does not run, instead of asking one",
    )


def ask(arguments: argparse.Namespace, path: str) -> Any:
    """The JSON under ``path``. Raises ``Unanswered``."""
    import json

    return json.loads(b"".join(stream(arguments, path, {})))


def send(
    arguments: argparse.Namespace,
    path: str,
    body: Mapping[str, object],
    answer_s: float | None = None,
) -> Any:
    """The JSON that a POST of ``body`` brings, which may take ``answer_s``. Raises
    ``Unanswered``."""
    import json

    return json.loads(b"".join(stream(arguments, path, {}, body, answer_s=answer_s)) or b"null")


def stream(
    arguments: argparse.Namespace,
    path: str,
    query: Mapping[str, str | None],
    body: Mapping[str, object] | None = None,
    method: str = "",
    answer_s: float | None = None,
) -> Iterator[bytes]:
    """What is under ``path``, as it comes; with a ``body`` what posting that brings. ``answer_s``
    is how long it may say nothing, when that is longer than usual. Raises ``Unanswered``."""
    import httpx2

    url, given = arguments.url.rstrip("/"), {k: v for k, v in query.items() if v is not None}
    headers = _headers(arguments.token_file)
    try:
        method = method or ("GET" if body is None else "POST")
        timeout = httpx2.Timeout(PATIENCE_S, read=answer_s or PATIENCE_S)
        with httpx2.stream(
            method, url + path, params=given, headers=headers, json=body, timeout=timeout
        ) as answer:
            if not answer.is_success:
                answer.read()
                raise Unanswered(f"{url} answered {answer.status_code}: {_detail(answer)}")
            yield from answer.iter_bytes()
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Unanswered(f"{url} does not answer: {error}") from error


def _headers(token_file: Path | None) -> dict[str, str]:
    if token_file is None:
        return {}
    try:
        lines = token_file.read_text(encoding="ascii").split()
    except OSError as error:
        raise Unanswered(f"cannot read {token_file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unanswered(f"{token_file} holds no token: it is not plain text") from error
    return {"authorization": f"Bearer {lines[0]}"} if lines else {}


def _detail(answer: Any) -> str:
    try:
        said = answer.json()
        errors = [f"{one['in']}: {one['problem']}" for one in said.get("errors") or ()]
        return "; ".join(errors) or said.get("detail") or answer.reason_phrase
    except (ValueError, AttributeError, KeyError, TypeError):
        return answer.reason_phrase


@contextmanager
def opened_file(path: Path) -> Generator[DuckDBStore]:
    """The store in the file ``path``; nothing is removed from it. Raises ``Unanswered``."""
    from otel_llm.store import DuckDBStore, StoreConfig, StoreError

    if not path.is_file():
        raise Unanswered(f"there is no file {path}")
    try:
        store = DuckDBStore(
            StoreConfig(path=str(path), retain_for=0, max_size=0, memory_limit=ROOM_BYTES)
        )
    except StoreError as error:
        raise Unanswered(f"{error}; ask the collector that runs by --url") from error
    try:
        yield store
    except StoreError as error:
        raise Unanswered(str(error)) from error
    finally:
        store.close()
