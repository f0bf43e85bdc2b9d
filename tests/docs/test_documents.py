"""What the documents show runs: code blocks, configurations, commands and links."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from otel_llm.alerting.config import default_rules
from otel_llm.cli import parser
from otel_llm.config import load
from otel_llm.service.settings import check, default_text, read_settings

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
CONFIGS = sorted(
    f for f in (ROOT / "collector-config").glob("*.yaml") if not f.name.startswith("otelcol")
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ANCHOR = re.compile(r"\]\((?!https?:|mailto:)([^)#]*)#([^)]+)\)")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")


def blocks(*languages: str) -> list:
    return list(_blocks(languages))


def _blocks(languages: tuple[str, ...]) -> Iterator:
    for page in PAGES:
        for number, (language, text) in enumerate(FENCE.findall(page.read_text("utf-8"))):
            if language in languages:
                yield pytest.param(text, id=f"{page.relative_to(ROOT)}:{number}")


@pytest.mark.parametrize("text", blocks("python"))
def test_python_in_the_documents_runs(text, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=tmp_path,
        env={**os.environ, "OTEL_SDK_DISABLED": "true"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_tests_in_the_documents_pass(tmp_path):
    written = [one.values[0] for one in blocks("python") if "def test_" in one.values[0]]
    for number, text in enumerate(written):
        (tmp_path / f"test_{number}.py").write_text(text)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert "2 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("text", blocks("yaml"))
def test_configuration_in_the_documents_is_valid(text):
    """A fragment is read together with the built-in default."""
    whole = load(default_text())
    for section, settings in load(text).items():
        whole[section] = {**whole.get(section, {}), **settings}

    assert check(whole).sections.service.pipelines


@pytest.mark.parametrize("file", CONFIGS, ids=lambda f: f.name)
def test_every_configuration_we_ship_is_valid(file):
    assert read_settings(file).sections.service.pipelines


def test_the_default_on_disk_is_the_one_built_in():
    assert (ROOT / "collector-config" / "default.yaml").read_text("utf-8") == default_text()


@pytest.mark.parametrize("text", blocks("sh", "console"))
def test_commands_in_the_documents_exist(text):
    """``make`` targets, ``otel-llm`` subcommands with their options, and files that are named."""
    for command in _commands(text):
        words = [w for w in shlex.split(command, comments=True) if not re.match(r"[A-Z_]+=", w)]
        if words[:1] == ["make"]:
            targets = [w for w in words[1:] if "=" not in w]
            assert set(targets) <= _make_targets(), command
        if words[:1] == ["otel-llm"]:
            parser().parse_args(words[1:])


def _commands(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            yield line[2:]
        elif "$ " not in text:
            yield line


def _make_targets() -> set[str]:
    text = (ROOT / "Makefile").read_text("utf-8")
    return set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_documents_hold(page):
    broken = [
        link
        for link in LINK.findall(FENCE.sub("", page.read_text("utf-8")))
        if not (page.parent / link.strip()).exists()
    ]

    assert broken == []


def _anchors(page: Path) -> set[str]:
    """What a heading is called in a link: lower case, words joined, without other signs."""
    headings = HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_to_a_heading_hold(page):
    text = FENCE.sub("", page.read_text("utf-8"))
    linked = [(page.parent / file if file else page, at) for file, at in ANCHOR.findall(text)]

    assert [(file.name, at) for file, at in linked if at not in _anchors(file)] == []


def test_every_built_in_rule_has_its_section_in_the_runbook():
    headings = HEADING.findall((ROOT / "docs/runbook.md").read_text("utf-8"))
    told = {name for heading in headings for name in heading.split(", ")}

    assert {rule.name for rule in default_rules().rules} <= told


def test_every_page_is_found_from_another_one_and_every_example_is_listed():
    linked = {
        (page.parent / link.strip()).resolve()
        for page in PAGES
        for link in LINK.findall(FENCE.sub("", page.read_text("utf-8")))
    }
    listed = (ROOT / "examples/README.md").read_text("utf-8")
    files = [f.name for f in (ROOT / "examples").glob("*.py") if f.name != "__init__.py"]

    hidden = [
        p for p in PAGES if p not in linked and "adr" not in p.parts and p.name != "README.md"
    ]
    assert [str(p.relative_to(ROOT)) for p in hidden] == []
    assert [f for f in files if f"({f})" not in listed] == []


def test_every_configuration_is_in_the_list_of_destinations():
    listed = (ROOT / "docs/deploy.md").read_text("utf-8")

    assert [f.name for f in CONFIGS if f.name not in listed] == []


def test_every_deployment_file_is_well_formed():
    for file in (ROOT / "deploy").rglob("*.y*ml"):
        assert list(yaml.safe_load_all(file.read_text("utf-8")))
