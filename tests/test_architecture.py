"""Who may import whom. The layers are listed lowest first; imports only point down."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src" / "otel_llm"
LAYERS = [
    {"version"},
    {"semconv"},
    {"genai", "config", "http", "sqlite"},
    {"pricing", "quality", "stats"},
    {"instrumentation", "store", "alerting", "evaluation", "testing"},
    {"collector"},
    {"api", "ui"},
    {"service"},
    {"cli", "distro"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
SERVER_WING = {"store", "alerting", "evaluation", "collector", "api", "ui", "service"}
FAMILIES = (
    "instrumentation",
    "collector/receivers",
    "collector/processors",
    "collector/exporters",
    "alerting/notifiers",
)
SHARED_IN_FAMILY = {"message", "check"}
"""Modules that define what the siblings of a family have in common."""


def imports(file: Path, root: Path = SRC) -> Iterator[str]:
    """Yield what ``file`` imports from otel_llm, as dotted names below the package."""
    package = file.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (
                alias.name.removeprefix("otel_llm.")
                for alias in node.names
                if alias.name.startswith("otel_llm.")
            )
        if not isinstance(node, ast.ImportFrom):
            continue
        base = node.module.split(".") if node.module else []
        if node.level:
            base = [*package[: len(package) - node.level + 1], *base]
        elif base[0] == "otel_llm":
            base = base[1:]
        else:
            continue
        yield from (".".join([*base, alias.name]) for alias in node.names)


def area(dotted: str) -> str:
    return dotted.partition(".")[0]


def files(root: Path = SRC) -> Iterator[tuple[str, Path]]:
    for file in sorted(root.rglob("*.py")):
        if file != root / "__init__.py":
            yield file.relative_to(root).parts[0].removesuffix(".py"), file


def upward_imports(root: Path = SRC) -> list[str]:
    return [
        f"{file.relative_to(root)} imports {name}"
        for here, file in files(root)
        for name in imports(file, root)
        if area(name) in RANK and area(name) != here and RANK[area(name)] >= RANK[here]
    ]


def sideways_imports(root: Path = SRC) -> list[str]:
    wrong: list[str] = []
    for family in FAMILIES:
        members = {f.stem for f in (root / family).glob("*.py")} - {"__init__", *SHARED_IN_FAMILY}
        prefix = family.replace("/", ".") + "."
        for member in sorted(members):
            for name in imports(root / family / f"{member}.py", root):
                tail = name.removeprefix(prefix).partition(".")[0]
                if name.startswith(prefix) and tail in members - {member}:
                    wrong.append(f"{family}/{member} imports {tail}")
    return wrong


def module_graph(root: Path = SRC) -> dict[str, set[str]]:
    """Modules (no packages) and what each imports, for the search of circles."""
    modules = {".".join(f.relative_to(root).with_suffix("").parts) for _, f in files(root)}
    return {
        module: {
            target
            for name in imports(root / f"{module.replace('.', '/')}.py", root)
            for target in (name, name.rpartition(".")[0])
            if target in modules and target != module
        }
        for module in modules
        if not module.endswith("__init__")
    }


def test_every_room_of_the_house_has_its_place():
    assert {here for here, _ in files()} <= RANK.keys()


def test_imports_only_point_down():
    assert upward_imports() == []


def test_siblings_do_not_import_siblings():
    assert sideways_imports() == []


def test_there_are_no_circles_between_modules():
    TopologicalSorter(module_graph()).prepare()


def test_the_wings_share_only_the_floor():
    app_wing = {"instrumentation", "distro"}
    wrong = [
        f"{file.relative_to(SRC)} imports {name}"
        for here, file in files()
        for name in imports(file)
        if here in app_wing and area(name) in SERVER_WING
    ]
    assert wrong == []


def loaded_by(code: str) -> set[str]:
    program = f"import sys; {code}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import otel_llm",
        "import otel_llm.instrumentation.openai",
        "from otel_llm.instrumentation.openai import OpenAIInstrumentor as I; I().instrument()",
        "import otel_llm; otel_llm.workflow; otel_llm.budget_ok()",
        "import otel_llm.instrumentation.completion_hook, otel_llm.instrumentation.doctor",
        "import otel_llm.distro.configurator, otel_llm.distro.defaults",
    ],
)
def test_an_instrumented_application_loads_nothing_of_the_collector_nor_the_sdk(code):
    unwanted = {"otel_llm.collector", "grpc", "google.protobuf", "sqlite3", "openai"}

    assert (unwanted | {"pydantic", "yaml"}).isdisjoint(loaded_by(code))


def test_a_collector_loads_nothing_that_its_settings_do_not_ask_for():
    seals, validates, paints = "cryptography", "jsonschema", "rich"

    assert {seals, validates, paints}.isdisjoint(loaded_by("import otel_llm.service.assembly"))


@pytest.mark.parametrize(
    ("file", "line", "found_by"),
    [
        ("semconv/bad.py", "from otel_llm.collector import errors", upward_imports),
        ("genai/bad.py", "import otel_llm.config.build", upward_imports),
        ("collector/exporters/bad.py", "from .good import x", sideways_imports),
    ],
)
def test_each_rule_notices_when_it_is_broken(tmp_path, file, line, found_by):
    bad = tmp_path / file
    bad.parent.mkdir(parents=True)
    bad.write_text(line)
    (bad.parent / "good.py").write_text("x = 1")

    assert len(found_by(tmp_path)) == 1


def test_a_circle_is_noticed(tmp_path):
    (tmp_path / "stats").mkdir()
    (tmp_path / "stats" / "a.py").write_text("from .b import x")
    (tmp_path / "stats" / "b.py").write_text("from .a import y")

    with pytest.raises(ValueError, match="cycle"):
        TopologicalSorter(module_graph(tmp_path)).prepare()
