"""Write the reference pages from the code: ``python -m docs.generate`` (``--check`` only compares).

A settings class documents each field with the string below it; this reads those strings, so the
page and the code cannot say different things.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
import textwrap
import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from importlib.metadata import entry_points
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from otel_llm import distro
from otel_llm.alerting import notifiers
from otel_llm.collector import components
from otel_llm.config.units import Duration, Size
from otel_llm.distro import EXIT_TIMEOUT
from otel_llm.instrumentation.core import budget
from otel_llm.instrumentation.core.settings import Settings
from otel_llm.service.settings import Sections, default_text

from .interfaces import api_page, cli_page

HERE = Path(__file__).parent
REFERENCE = HERE / "reference"


def field_docs(settings: type) -> dict[str, str]:
    """Return the docstring below each field of a dataclass, inherited ones too, on one line."""
    inherited = [field_docs(base) for base in settings.__bases__ if is_dataclass(base)]
    return {name: text for docs in (*inherited, _own_docs(settings)) for name, text in docs.items()}


def _own_docs(settings: type) -> dict[str, str]:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(settings))).body
    assert isinstance(node, ast.ClassDef)
    docs: dict[str, str] = {}
    for statement, after in pairwise(node.body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = after.value if isinstance(after, ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                docs[statement.target.id] = prose(text.value)
    return docs


def prose(docstring: str) -> str:
    """Return a docstring as Markdown that also stands in a table."""
    return " ".join(docstring.split()).replace("``", "`").replace("|", "\\|")


def paragraphs(docstring: str) -> str:
    """Return a docstring as Markdown paragraphs."""
    return docstring.replace("``", "`")


def spelled(kind: Any) -> str:
    """Return a type as an operator reads it."""
    if kind == Duration:
        return "duration"
    if kind == Size:
        return "size"
    if is_dataclass(kind):
        return "section"
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(spelled(a) for a in arguments if a is not type(None))
    if origin is Literal:
        return " \\| ".join(f"`{a}`" for a in arguments)
    if origin is dict:
        return f"map of {spelled(arguments[1])}"
    if origin in (tuple, list):
        return f"list of {spelled(arguments[0])}"
    if origin is Annotated:
        return spelled(arguments[0])
    return NAMES.get(kind, "any")


NAMES: dict[Any, str] = {
    str: "text",
    Path: "path",
    int: "number",
    float: "number",
    Decimal: "number",
    date: "date",
    bool: "true or false",
}


def default(field: Field[Any], kind: Any) -> str:
    """Return a field's default as YAML would show it; ``required`` when there is none."""
    if field.default_factory is not MISSING:
        value = field.default_factory()
        return "" if is_dataclass(value) or not value else f"`{value}`"
    if field.default is MISSING:
        return "**required**"
    value = field.default
    if is_dataclass(value) or value is None or value == "" or value == ():
        return ""
    return f"`{_written(value, kind)}`"


def _written(value: Any, kind: Any) -> str:
    """Return a value as an operator would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    units = {Duration: DURATIONS, Size: SIZES}.get(kind, ())
    fitting = [(size, unit) for size, unit in units if value and value % size == 0]
    return f"{value / fitting[0][0]:g}{fitting[0][1]}" if fitting else f"{value}"


DURATIONS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
SIZES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def rows(settings: type, prefix: str = "") -> Iterator[str]:
    """Yield one table row per setting, nested sections in place."""
    hints, docs = get_type_hints(settings, include_extras=True), field_docs(settings)
    own = inspect.get_annotations(settings)
    for field in sorted(fields(settings), key=lambda field: field.name not in own):
        kind = hints[field.name]
        name = f"{prefix}{field.name.rstrip('_')}"
        cells = (f"`{name}`", spelled(kind), default(field, kind), docs.get(field.name, ""))
        yield f"| {' | '.join(cells)} |"
        for nested, suffix in _sections(kind):
            yield from rows(nested, f"{name}{suffix}.")


def _sections(kind: Any) -> Iterator[tuple[type, str]]:
    """Yield the settings classes inside a type, with what stands for the key on the way there."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        yield kind, ""
    elif origin in (Union, types.UnionType):
        for option in arguments:
            yield from _sections(option)
    elif origin is dict:
        yield from ((nested, ".NAME" + rest) for nested, rest in _sections(arguments[1]))
    elif origin in (tuple, list):
        yield from ((nested, "[]" + rest) for nested, rest in _sections(arguments[0]))


def table(settings: type) -> str:
    """Return a settings class as a Markdown table."""
    head = "| setting | type | default | meaning |\n|---|---|---|---|\n"
    body = "\n".join(rows(settings))
    return head + body if body else "No settings."


def collector_page() -> str:
    """Return the reference of the collector's configuration file."""
    parts = [
        "# Collector configuration\n",
        "Generated from the settings classes by `make docs`. Durations are written `5s`, `300ms`, "
        "`1m30s`, `7d`; sizes `64MiB`, `512KB`; `${env:NAME}` and `${env:NAME:-default}` take a "
        "value from the environment, `$$` is a dollar sign. `otel-llm check-config FILE` names "
        "every mistake.\n",
        "## Built-in default\n",
        f"```yaml\n{default_text()}```\n",
    ]
    for family, entries in components.TABLES.items():
        for entry in dict.fromkeys(entries.values()):
            names = " or ".join(f"`{name}`" for name in entries if entries[name] is entry)
            about = inspect.getdoc(sys.modules[entry.make.__module__]) or ""
            parts += [f"## {family}: {names}\n", f"{paragraphs(about)}\n"]
            parts += [f"{table(entry.config)}\n"]
    parts.append("## The other sections\n")
    skip = components.TABLES.keys()
    hints = get_type_hints(Sections, include_extras=True)
    docs = field_docs(Sections)
    for field in fields(Sections):
        if field.name not in skip:
            nested = next(_sections(hints[field.name]))[0]
            parts += [
                f"### `{field.name}`\n",
                f"{docs.get(field.name) or inspect.getdoc(nested)}\n",
            ]
            parts.append(f"{table(nested)}\n")
    for name, entry in notifiers.TABLE.items():
        about = inspect.getdoc(sys.modules[entry.config.__module__]) or ""
        parts += [f"### alerting.notifiers: `{name}`\n", f"{paragraphs(about)}\n"]
        parts += [f"{table(entry.config)}\n"]
    return "\n".join(parts)


def environment_page() -> str:
    """Return the reference of the app wing's environment variables."""
    docs = field_docs(Settings)
    return (
        ENVIRONMENT_INTRO
        + "".join(
            f"| `{field.metadata['env']}` | {_shown(field.default)} | {docs[field.name]} |\n"
            for field in fields(Settings)
            if field.metadata.get("env")
        )
        + "".join(
            f"| `{getattr(budget, name)}` |  | {prose(_constant_doc(budget, name))} |\n"
            for name in ("BUDGET_FILE", "BUDGET_URL", "BUDGET_TOKEN")
        )
        + f"| `{EXIT_TIMEOUT}` | `5` | {prose(_constant_doc(distro, 'EXIT_TIMEOUT'))} |\n"
        + COLLECTOR_INTRO
        + "".join(_variables())
    )


def _variables() -> Iterator[str]:
    """Yield a row for each variable of a file of ours, with the files that take it."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for file in sorted(CONFIGURATIONS.glob("*.yaml")):
        for name, default in dict.fromkeys(VARIABLE.findall(file.read_text(encoding="utf-8"))):
            found.setdefault((name, default), []).append(file.name)
    for (name, default), files in sorted(found.items()):
        shown = f"`{default[2:]}`" if default[2:] else "" if default else "**required**"
        yield f"| `{name}` | {shown} | {', '.join(f'`{file}`' for file in files)} |\n"


CONFIGURATIONS = HERE.parent / "collector-config"
VARIABLE = re.compile(r"\$\{env:(\w+)(:-[^}]*)?\}")
COLLECTOR_INTRO = """
The hook `OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK=otel_llm` is for OpenTelemetry's own GenAI
instrumentations: see [Trace your own application](../trace-your-application.md).

## Of the collector

The collector itself reads no variables: its configuration says `${env:NAME}` where it wants one.
These are in the files of `collector-config/`. `default.yaml` is also built in: `OTEL_LLM_STORE`
names the file of the embedded store, which is in memory without it.

| variable | default | in |
|---|---|---|
"""


ENVIRONMENT_INTRO = """\
# Environment variables

## Of the app wing

Generated from `otel_llm.instrumentation.core.settings` by `make docs`. Everything else is
[OpenTelemetry's own](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/):
`OTEL_SERVICE_NAME`, `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, …

| variable | default | meaning |
|---|---|---|
"""


def _constant_doc(module: types.ModuleType, name: str) -> str:
    """Return the string below a constant."""
    body = ast.parse(inspect.getsource(module)).body
    for statement, after in pairwise(body):
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            return str(ast.literal_eval(after.value)) if isinstance(after, ast.Expr) else ""
    raise LookupError(name)


def _shown(value: object) -> str:
    if value is None or value == "" or value == () or value == frozenset():
        return ""
    return f"`{getattr(value, 'name', value)}`".replace("`False`", "`false`")


def sdks_page() -> str:
    """Return what is instrumented, in which versions, from the installed entry points."""
    entries = sorted(entry_points(group="opentelemetry_instrumentor"), key=lambda e: e.name)
    return SDKS_INTRO + "".join(
        f"| `{entry.name}` | {', '.join(kind.requires)} | {_first_line(kind)} |\n"
        for entry in entries
        if entry.value.startswith("otel_llm.")
        for kind in [entry.load()]
    )


SDKS_INTRO = """\
# Instrumented SDKs

Generated by `make docs`. A version outside the range is refused with a warning and left alone;
`otel-llm doctor` says what is bound. The name is what
`OTEL_PYTHON_DISABLED_INSTRUMENTATIONS` takes.

| name | versions | what |
|---|---|---|
"""


def _first_line(kind: type) -> str:
    about = inspect.getdoc(sys.modules[kind.__module__]) or ""
    return prose(about.partition("\n\n")[0].partition("\n")[0])


PAGES = {
    "api.md": api_page,
    "cli.md": cli_page,
    "collector.md": collector_page,
    "environment.md": environment_page,
    "sdks.md": sdks_page,
}


def main() -> int:
    """Write the pages, or with ``--check`` say which are out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when different")
    checking = parser.parse_args().check
    REFERENCE.mkdir(exist_ok=True)
    stale = []
    for name, make in PAGES.items():
        file, text = REFERENCE / name, make().rstrip() + "\n"
        if checking and (not file.exists() or file.read_text(encoding="utf-8") != text):
            stale.append(name)
        elif not checking:
            file.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"docs/reference/{name} is out of date: run make docs", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
