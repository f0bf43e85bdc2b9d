"""Schemas: judged as the ``jsonschema`` package judges them, within bounds, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm.quality.schema import Schema, unknown_keywords

ADDRESS = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "zip": {"type": "string", "pattern": r"^\d{4,5}$"},
        "floor": {"type": ["integer", "null"]},
        "kind": {"enum": ["home", "work"]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
    },
    "required": ["city", "zip"],
    "additionalProperties": False,
}
TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "required": ["children"],
        }
    },
    "$ref": "#/$defs/node",
}

CASES: list[tuple[Mapping[str, Any], object, bool]] = [
    (ADDRESS, {"city": "Oslo", "zip": "0150"}, True),
    (ADDRESS, {"city": "Oslo", "zip": "0150", "floor": None, "kind": "home", "tags": []}, True),
    (ADDRESS, {"city": "Oslo"}, False),
    (ADDRESS, {"city": "", "zip": "0150"}, False),
    (ADDRESS, {"city": "Oslo", "zip": 150}, False),
    (ADDRESS, {"city": "Oslo", "zip": "0150", "country": "NO"}, False),
    (ADDRESS, {"city": "Oslo", "zip": "0150", "kind": "boat"}, False),
    (ADDRESS, {"city": "Oslo", "zip": "0150", "floor": 1.5}, False),
    (ADDRESS, {"city": "Oslo", "zip": "0150", "tags": ["a", "b", "c"]}, False),
    (ADDRESS, {"city": "Oslo", "zip": "0150", "tags": ["a", 1]}, False),
    (ADDRESS, ["Oslo"], False),
    (TREE, {"children": [{"children": []}, {"children": [{"children": []}]}]}, True),
    (TREE, {"children": [{"children": []}, {"children": [{}]}]}, False),
    ({"type": "integer"}, True, False),
    ({"type": "integer"}, 3.0, True),
    ({"type": "number"}, False, False),
    ({"const": 1}, True, False),
    ({"const": 1}, 1.0, True),
    ({"enum": [[1, {"a": None}]]}, [1, {"a": None}], True),
    ({"enum": [[1, {"a": None}]]}, [1, {"a": 0}], False),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, False),
    ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, 3, False),
    ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, 1, True),
    ({"allOf": [{"minimum": 2}, {"maximum": 4}]}, 5, False),
    ({"not": {"type": "string"}}, "a", False),
    ({"if": {"type": "string"}, "then": {"maxLength": 1}, "else": {"minimum": 3}}, "ab", False),
    ({"if": {"type": "string"}, "then": {"maxLength": 1}, "else": {"minimum": 3}}, 3, True),
    ({"prefixItems": [{"type": "string"}], "items": False}, ["a"], True),
    ({"prefixItems": [{"type": "string"}], "items": False}, ["a", 1], False),
    ({"uniqueItems": True}, [1, 1.0], False),
    ({"uniqueItems": True}, [1, True], True),
    ({"exclusiveMinimum": 0}, 0, False),
    ({"exclusiveMaximum": 1}, 1, False),
    ({"multipleOf": 0.1}, 0.3, True),
    ({"multipleOf": 3}, 10, False),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, False),
    ({"propertyNames": {"maxLength": 2}}, {"abc": 1}, False),
    ({"minProperties": 1}, {}, False),
    ({"patternProperties": {"^n_": {"type": "integer"}}}, {"n_a": "1"}, False),
    (
        {"patternProperties": {"^n_": True}, "additionalProperties": False},
        {"n_a": 1, "b": 2},
        False,
    ),
    ({"format": "date"}, "no date", True),
    ({"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}, {"a": 1}, False),
    ({"type": "string", "nullable": True}, None, True),
]


@pytest.mark.parametrize(("schema", "value", "fits"), CASES)
def test_an_answer_fits_or_does_not(schema: Mapping[str, Any], value: object, fits: bool):
    assert Schema(schema).fits(json.dumps(value)) is fits


ENDLESS = {"$ref": "#"}
WIDE = {"items": {"anyOf": [{"type": "string"}] * 999 + [{"type": "integer"}]}}


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        (ADDRESS, "Oslo"),
        (ADDRESS, '{"city": '),
        (ADDRESS, ""),
        (ENDLESS, "{}"),
        (WIDE, json.dumps([1] * 1_000)),
        ({"$ref": "http://127.0.0.1:1/schema.json"}, "{}"),
        ({"$ref": "#/$defs/gone"}, "{}"),
        ({"type": "str"}, "1"),
        ({"type": {}}, "1"),
        ({"required": True}, "{}"),
        ({"properties": []}, "{}"),
        ({"anyOf": 1}, "1"),
        ({"minimum": "1"}, "1"),
        ({"minimum": 1, "exclusiveMinimum": True}, "1"),
        ({"contains": {"type": "string"}}, "[1]"),
        ({"unevaluatedProperties": False}, '{"a": 1}'),
        ({"pattern": r"(?=a)b"}, '"b"'),
        ({"not": {"contains": {"type": "string"}}}, "[1]"),
        ({"uniqueItems": True}, json.dumps([[]] * 1_000)),
        ({"multipleOf": 0}, "1"),
    ],
)
def test_what_cannot_be_judged_is_no_mismatch(schema: Mapping[str, Any], answer: str):
    assert Schema(schema).fits(answer) is None


@pytest.mark.parametrize("depth", [50, 900, 50_000])
def test_a_deep_answer_costs_an_answer_and_not_the_process(depth: int):
    answer = '{"children":[' * depth + "]}" * depth

    assert Schema(TREE).fits(answer) in (True, None)


def test_patterns_without_a_linear_engine_are_not_tried(monkeypatch: pytest.MonkeyPatch):
    import sys

    from otel_llm.quality import schema_keywords as keywords

    monkeypatch.setitem(sys.modules, "re2", None)
    keywords._compiled.cache_clear()
    try:
        assert Schema({"pattern": "(a+)+$"}).fits(json.dumps("a" * 40 + "b")) is None
    finally:
        keywords._compiled.cache_clear()


def test_an_answer_is_judged_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch):
    schema, asked = Schema(ADDRESS), []
    judged = Schema._judged
    monkeypatch.setattr(Schema, "_judged", lambda s, a: asked.append(a) or judged(s, a))

    answers = [schema.fits(text) for text in ('{"city": 1}', '{"city": 1}', '{"city": 2}')]

    assert answers == [False] * 3
    assert len(asked) == 2


def test_keywords_by_which_nothing_is_judged_are_named_wherever_they_are():
    schema = {
        "properties": {"contains": {"type": "array", "contains": {}}, "b": {"$anchor": "b"}},
        "anyOf": [{"unevaluatedItems": False}],
        "x-order": 1,
        "$id": "https://example.com/a",
    }

    assert unknown_keywords(schema) == {"contains", "$anchor", "unevaluatedItems"}
    assert unknown_keywords(ADDRESS) == frozenset()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", 0.5, 2.0]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
TYPES = st.sampled_from(["string", "integer", "number", "object", "array", "null", "boolean"])


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    several = st.lists(inner, min_size=1, max_size=3)
    small = st.integers(0, 3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "properties": named,
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "additionalProperties": inner,
            "items": inner,
            "prefixItems": several,
            "minItems": small,
            "maxItems": small,
            "uniqueItems": st.booleans(),
            "minLength": small,
            "maxLength": small,
            "minimum": small,
            "exclusiveMaximum": small,
            "multipleOf": st.sampled_from([1, 2, 0.5]),
            "minProperties": small,
            "maxProperties": small,
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "dependentRequired": st.just({"a": ["b"]}),
            "propertyNames": inner,
        },
    )


SCHEMAS = st.recursive(st.booleans() | keywords(st.booleans()), keywords, max_leaves=4)


@settings(max_examples=150)
@given(SCHEMAS.filter(lambda schema: isinstance(schema, dict)), VALUES)
def test_it_judges_as_the_library_does(schema: dict[str, Any], value: object):
    expected = jsonschema.Draft202012Validator(schema).is_valid(value)

    assert Schema(schema).fits(json.dumps(value)) is expected
