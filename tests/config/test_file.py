"""Reading a file: variables, types, and mistakes that name themselves."""

from __future__ import annotations

import pytest

from otel_llm.config import ConfigError, load

ENV = {"PORT": "4317", "TOKEN": "a: #b", "ON": "true", "EMPTY": ""}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("${env:PORT}", "4317"),
        ("${PORT}", "4317"),
        ("'localhost:${env:PORT}'", "localhost:4317"),
        ("${env:TOKEN}", "a: #b"),
        ("${env:ON}", "true"),
        ("${env:MISSING:-5s}", "5s"),
        ("${env:MISSING:-}", ""),
        ("${env:EMPTY:-x}", "x"),
        ("cost $$5", "cost $5"),
        ("plain", "plain"),
    ],
)
def test_variables_are_filled_in_value_by_value(written, read):
    assert load(f"a:\n  - b: {written}", ENV) == {"a": [{"b": read}]}


def test_every_variable_that_is_missing_is_named_with_its_place():
    with pytest.raises(ConfigError) as error:
        load("a: ${env:X}\nb:\n  - c: ${env:Y}\nd: ${oops}${!}", {"oops": ""})

    assert str(error.value).splitlines() == [
        "a: environment variable X is not set",
        "b[0].c: environment variable Y is not set",
        "d: ${!} is not a variable; write ${env:NAME}",
    ]


def test_text_that_is_no_yaml_is_refused_with_its_line_and_without_quoting_it():
    with pytest.raises(ConfigError) as error:
        load("a: 1\nkey: sk-secret: x", {})

    assert "line 2" in str(error.value)
    assert "sk-secret" not in str(error.value)


@pytest.mark.parametrize("text", ["- a", "text"])
def test_a_file_without_sections_is_refused(text):
    with pytest.raises(ConfigError, match="expected sections"):
        load(text, {})


def test_an_empty_file_is_all_defaults():
    assert load("", {}) == {}


def test_a_file_that_is_not_there_is_a_configuration_mistake(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path / "none.yaml", {})


@pytest.mark.parametrize("value", ["9" * 5_000, "2026-13-45"])
def test_a_number_or_a_day_that_is_none_is_a_mistake_and_is_not_quoted(value: str):
    with pytest.raises(ConfigError) as caught:
        load(f"a: {value}")

    assert "too many digits, or a day is none" in str(caught.value)
    assert value not in str(caught.value)


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3", "a:\n  x: 1\n  x: 1", "a: {b: 1, \n b: 2}"])
def test_a_name_that_stands_twice_in_a_section_is_a_mistake(text: str):
    with pytest.raises(
        ConfigError, match=r"line \d, column \d: this name stands in its section already"
    ):
        load(text, {})


def test_what_is_merged_may_be_overridden_again_and_again():
    text = (
        "base: &base {x: 1, y: 1}\none: &one {<<: *base, x: 2}\ntwo: {<<: *one, x: 3}\nthree: *one"
    )

    assert load(text, {}) == {
        "base": {"x": 1, "y": 1},
        "one": {"x": 2, "y": 1},
        "two": {"x": 3, "y": 1},
        "three": {"x": 2, "y": 1},
    }
