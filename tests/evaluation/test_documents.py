"""The suites that the documents show can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from otel_llm.evaluation.suite import read_suite

PAGE = Path(__file__).parents[2] / "docs/evaluation.md"
BLOCKS = re.findall(r"^```yml\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", BLOCKS)
def test_a_suite_in_the_documents_is_valid(text: str, tmp_path: Path):
    file = tmp_path / "suite.yaml"
    file.write_text(text)

    assert len(read_suite(file).cases) == 3
