"""``drift``: keep what answers are like, and say what has changed after a deployment."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .asking import Unanswered, add_source, ask, opened_file, send, stream
from .calls import add_times, chosen, unanswered
from .command import Commands, command, group
from .terminal import on_one_line

if TYPE_CHECKING:
    from otel_llm.store import Store

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def add(commands: Commands) -> None:
    """Describe the subcommands."""
    drift = group(commands, "drift", "baselines: save one, compare with it after a deployment")

    save = command(drift, "save", _guarded(_save), "keep what the answers of a time are like")
    save.add_argument("name", type=_name, metavar="NAME")
    add_times(save, "7d")
    compare = command(
        drift, "compare", _guarded(_compare), "what has changed since; 1 when anything has"
    )
    compare.add_argument("name", type=_name, metavar="NAME")
    add_times(compare, "1h")
    listed = command(drift, "list", _guarded(_list), "the baselines that are kept")
    drop = command(drift, "drop", _guarded(_drop), "forget a baseline")
    drop.add_argument("name", type=_name, metavar="NAME")
    for one in (save, compare, listed, drop):
        add_source(one)


def _name(written: str) -> str:
    if not _NAME.fullmatch(written):
        raise argparse.ArgumentTypeError("letters, digits, '.', '_' and '-', at most 100")
    return written


def _guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    def guarded(arguments: argparse.Namespace) -> int:
        try:
            return run(arguments)
        except Unanswered as error:
            return unanswered(error)

    return guarded


def _save(arguments: argparse.Namespace) -> int:
    times = {"since": arguments.since, "until": arguments.until}

    def in_file(store: Store) -> Mapping[str, Any]:
        from otel_llm.store.baselines import save

        return asdict(save(store, arguments.name, chosen(**times)))

    if arguments.store:
        kept = _in_file(arguments, in_file)
    else:
        kept = send(arguments, "/v1/baselines", {"name": arguments.name, **times})
    print(_described(kept))
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    times = {"since": arguments.since, "until": arguments.until}

    def in_file(store: Store) -> Sequence[Mapping[str, Any]]:
        from otel_llm.store.baselines import compare

        return [asdict(one) for one in compare(store, arguments.name, chosen(**times))]

    if arguments.store:
        found = _in_file(arguments, in_file)
    else:
        path = f"/v1/baselines/{arguments.name}/drift"
        found = json.loads(b"".join(stream(arguments, path, times)))
    for one in found:
        print(on_one_line(_said(one)))
    return 1 if found else 0


def _list(arguments: argparse.Namespace) -> int:
    def in_file(store: Store) -> Sequence[Mapping[str, Any]]:
        from otel_llm.store.baselines import listed

        return [asdict(one) for one in listed(store)]

    kept = _in_file(arguments, in_file) if arguments.store else ask(arguments, "/v1/baselines")
    for one in kept:
        print(_described(one))
    return 0


def _drop(arguments: argparse.Namespace) -> int:
    if arguments.store:
        _in_file(arguments, lambda store: store.put_baseline(arguments.name, None))
    else:
        path = f"/v1/baselines/{arguments.name}"
        b"".join(stream(arguments, path, {}, method="DELETE"))
    return 0


def _in_file(arguments: argparse.Namespace, do: Callable[[Store], Any]) -> Any:
    with opened_file(arguments.store) as store:
        try:
            return do(store)
        except KeyError:
            raise Unanswered(f"there is no baseline {arguments.name}") from None


def _described(kept: Mapping[str, Any]) -> str:
    return f"{kept['name']}: {kept['calls']} calls of {kept['series']} models and prompt versions"


def _said(one: Mapping[str, Any]) -> str:
    labels, against = (
        " ".join(f"{name}={value}" for name, value in one[which].items()) or "all"
        for which in ("labels", "against")
    )
    if one["kind"] == "served_model":
        return f"served_model: {labels} (before: {against})"
    moved = f"{one['before']:.4g} -> {one['after']:.4g}"
    size = f"{abs(one['size']):.1f} x the limit, {abs(one['distance']):.1f} deviations"
    if one.get("psi") is not None:  # a collector of an older release does not say
        size += f", ks {one['ks']:.2f}, psi {one['psi']:.2f}"
    where = labels if labels == against else f"{labels} (before: {against})"
    return f"{one['kind']}: {moved}  {size}  {where}"
