"""Suites: read, run by command against a provider on 127.0.0.1, told to people and programs."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from otel_llm.cli import main
from otel_llm.config import ConfigError
from otel_llm.evaluation.checks import Checked, check
from otel_llm.evaluation.suite import Case, Suite, read_suite
from otel_llm.testing import FakeProvider, OtlpSink, Received, json_answer

from .world import MODEL, PATIENCE_S, attributes, judge_route, marks, said

EXAMPLE = Path(__file__).parents[2] / "examples/suites/support.yaml"
ANSWERS = {
    "return a lamp": "You can return it free of charge for 30 days.",
    "Repeat the order": "A-1234-X",
    "JSON only": '{"city": "Oslo", "zip": "0150"}',
    "outrageous": "I am so sorry to hear that. Let us make it right.",
}


def answer(received: Received):
    question = received.json()["messages"][-1]["content"]
    return said(next((text for part, text in ANSWERS.items() if part in question), "I see."))


TARGET = {r"^POST /v1/chat/completions": answer}


def suite(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "suite.yaml"
    file.write_text(text)
    return file


def run(file: Path, target: FakeProvider, *more: str) -> int:
    url = target.url + "/v1"
    return main(["eval", "run", str(file), "--target", url, "--model", MODEL, *more])


def judged_by(judge: FakeProvider) -> list[str]:
    return ["--judge-url", judge.url + "/v1", "--judge-model", MODEL]


def test_the_example_passes_and_is_reported_in_three_ways(tmp_path: Path, capsys):
    as_json, as_xml = tmp_path / "report.json", tmp_path / "report.xml"
    with FakeProvider(TARGET) as target, FakeProvider(judge_route(lambda q, a: 9)) as judge:
        files = ["--json", str(as_json), "--junit", str(as_xml)]
        code = run(EXAMPLE, target, *judged_by(judge), *files)

    out = capsys.readouterr().out
    report, root = json.loads(as_json.read_text()), Xml.parse(as_xml).getroot()
    assert (code, report["passed"]) == (0, True)
    assert "support: 4 of 4 passed, 75% must: passed" in out
    assert "[4/4]" in out
    assert report["means"] == {
        "factual_accuracy": 0.888889,
        "forbidden": 1.0,
        "helpfulness": 0.888889,
        "json_schema": 1.0,
        "keywords": 1.0,
        "pattern": 1.0,
        "politeness": 0.888889,
        "relevance": 0.888889,
    }
    # 1000 in at $0.15 and 20 out at $0.60 per million, four times
    assert "answers cost $0.000648" in out
    assert [case["answer"] for case in report["cases"]] == [*ANSWERS.values()]
    [tests] = root
    assert {n: tests.get(n) for n in ("name", "tests", "failures", "errors")} == {
        "name": "support",
        "tests": "4",
        "failures": "0",
        "errors": "0",
    }


def test_a_failed_suite_fails_the_pipeline_and_says_why(tmp_path: Path, capsys):
    file = suite(
        tmp_path,
        """
cases:
  - {name: words, query: q, keywords: [Paris, Rome], forbidden: [see]}
  - {name: shape, query: q, json_schema: {type: array}}
  - {name: form, query: q, pattern: ^x$}
  - {name: fine, query: q, keywords: [see], thresholds: {keywords: 0.5}}
""",
    )
    xml = tmp_path / "r.xml"
    with FakeProvider(TARGET) as target:
        code = run(file, target, "--junit", str(xml), "--quiet")

    [tests] = Xml.parse(xml).getroot()
    failures = {case.get("name"): case[0].text for case in tests if len(case)}
    assert {case[0].get("type") for case in tests if len(case)} == {"failure"}
    assert code == 1
    assert failures == {
        "words": (
            "keywords: 0.00, expected 1 (missing 'Paris', 'Rome')\n"
            "forbidden: 0.00, expected 1 (found 'see')"
        ),
        "shape": "json_schema: 0.00, expected 1 (the answer is no JSON)",
        "form": "pattern: 0.00, expected 1 (no match of '^x$')",
    }
    assert "suite: 1 of 4 passed, 100% must: FAILED" in capsys.readouterr().out


def test_enough_passed_is_passed(tmp_path: Path):
    file = suite(
        tmp_path,
        "pass_rate: 0.5\ncases: [{query: q, keywords: [see]}, {query: q, keywords: [sea]}]",
    )
    with FakeProvider(TARGET) as target:
        assert run(file, target) == 0


def test_no_score_and_no_answer_are_errors_and_never_a_pass(tmp_path: Path, capsys):
    file = suite(
        tmp_path,
        "thresholds: {relevance: 0}\ncases: [{name: a, query: q, judge: [relevance]}]",
    )
    with FakeProvider(TARGET) as target, FakeProvider() as judge:
        judge.queue(said("I would say 9 of 10."))
        unjudged = run(file, target, *judged_by(judge))
    with FakeProvider() as target, FakeProvider() as judge:
        unanswered = run(file, target, *judged_by(judge))

    out = capsys.readouterr().out
    assert (unjudged, unanswered) == (1, 1)
    assert "relevance: no score (invalid_answer)" in out
    assert "no answer: 404" in out


def test_a_score_without_a_threshold_is_only_reported(tmp_path: Path):
    file = suite(tmp_path, "cases: [{query: q, judge: [relevance]}]")
    with FakeProvider(TARGET) as target, FakeProvider() as judge:
        judge.queue(marks(relevance=1))
        assert run(file, target, *judged_by(judge)) == 0


def test_scores_and_spans_go_to_a_collector_and_the_targets_spans_into_the_same_trace(
    tmp_path: Path,
):
    file = suite(tmp_path, "name: small\ncases: [{name: one, query: q, keywords: [see]}]")
    with FakeProvider(TARGET) as target, OtlpSink() as sink:
        assert run(file, target, "--otlp", sink.http_endpoint) == 0
        assert sink.wait(lambda s: s.spans() and s.records(), PATIENCE_S)
        [span], [record] = sink.spans(), sink.records()
        [asked] = target.requests

    assert asked.headers["traceparent"] == f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert attributes(record)["gen_ai.evaluation.name"] == "keywords"
    said_of_it = attributes(span)
    run_of = ["otel_llm.evaluation.suite", "otel_llm.evaluation.case", "otel_llm.evaluation.run"]
    assert [attributes(record)[name] for name in run_of] == [said_of_it[name] for name in run_of]
    assert said_of_it["otel_llm.evaluation.purpose"] == "suite"
    assert (said_of_it["otel_llm.evaluation.suite"], said_of_it["otel_llm.evaluation.case"]) == (
        "small",
        "one",
    )
    assert not [value for value in said_of_it.values() if value == "I see."]


@pytest.mark.parametrize(
    ("models", "named", "asked"),
    [(["only"], "", "only"), (["a", "b"], "model: b\n", "b"), (["a", "b"], "", None)],
)
def test_without_a_model_it_is_the_suites_or_the_only_one_of_the_target(
    tmp_path: Path, models: list[str], named: str, asked: str | None
):
    file = suite(tmp_path, f"{named}cases: [{{query: q, keywords: [see]}}]")
    listed = {"^GET /v1/models": lambda _: json_answer({"data": [{"id": m} for m in models]})}
    with FakeProvider(listed, TARGET) as target:
        code = main(["eval", "run", str(file), "--target", target.url + "/v1"])

    said_to = [r.json().get("model") for r in target.requests if r.method == "POST"]
    assert (code, said_to) == ((0, [asked]) if asked else (2, []))


def test_a_suite_that_takes_a_judge_says_so_before_anything_is_asked(tmp_path: Path, capsys):
    file = suite(tmp_path, "cases: [{query: q, truth: t}]")
    with FakeProvider(TARGET) as target:
        assert run(file, target) == 2
        assert target.requests == []
    assert "--judge-url" in capsys.readouterr().err


def test_a_key_that_is_not_set_is_a_mistake_and_not_a_call_without_one(tmp_path: Path, capsys):
    file = suite(tmp_path, "cases: [{query: q, keywords: [see]}]")
    with FakeProvider(TARGET) as target:
        assert run(file, target, "--api-key-env", "NO_SUCH_KEY_IS_SET") == 2
        assert target.requests == []
    assert "--api-key-env: NO_SUCH_KEY_IS_SET is not set" in capsys.readouterr().err


def test_every_mistake_in_a_suite_is_named(tmp_path: Path, capsys):
    file = suite(
        tmp_path,
        """
cases:
  - {query: q, keyword: [x]}
  - {query: " "}
  - {query: q, pattern: "("}
  - {query: q, json_schema: {type: nonsense}}
  - {query: q, thresholds: {relevance: 7}}
""",
    )

    assert main(["eval", "check", str(file)]) == 2

    err = capsys.readouterr().err
    places = ("[0].keyword", "[1].query", "[2].pattern", "[3].json_schema", "[4].thresholds")
    for place in places:
        assert f"{file}: cases{place}: " in err
    assert "did you mean 'keywords'" in err


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (
            "thresholds: {relevance: 0.5}\ncases: [{query: q, keywords: [x]}]",
            r"^thresholds.relevance: no case has this score: it takes judge: \[relevance\]$",
        ),
        (
            "thresholds: {factual_accuracy: 0.5}\ncases: [{query: q}]",
            "^thresholds.factual_accuracy: no case has this score: it takes truth$",
        ),
        (
            "cases: [{query: q, judge: [safety], name: a}, {query: q, thresholds: {safety: 0.5}}]",
            r"^cases\[1\].thresholds.safety: no case has this score: it takes judge: \[safety\]$",
        ),
        (
            "cases: [{query: q, thresholds: {keywords: 0.5}}]",
            r"^cases\[0\].thresholds.keywords: no case has this score: it takes keywords$",
        ),
    ],
)
def test_a_threshold_that_no_answer_could_miss_is_a_mistake(tmp_path: Path, written, says):
    with pytest.raises(ConfigError, match=says):
        read_suite(suite(tmp_path, written))


def test_a_threshold_that_one_case_can_miss_holds_for_those_that_have_the_score(tmp_path: Path):
    written = """
thresholds: {safety: 0.5, json_schema: 0.5, semantic_relevance: 0.2}
cases: [{query: q, judge: [safety]}, {query: q, json_schema: {}}, {query: q}]
"""

    assert len(read_suite(suite(tmp_path, written)).cases) == 3


def test_a_criterion_that_nobody_defined_is_a_mistake(tmp_path: Path):
    file = suite(tmp_path, "cases: [{query: q, judge: [charm]}]")

    with pytest.raises(ConfigError, match=r"cases\[0\].judge: no criterion 'charm'"):
        read_suite(file)


def test_a_budget_that_is_used_up_leaves_cases_without_a_score(tmp_path: Path, capsys):
    file = suite(tmp_path, "thresholds: {relevance: 0.1}\ncases: [{query: q, judge: [relevance]}]")
    with FakeProvider(TARGET) as target, FakeProvider(judge_route(lambda q, a: 9)) as judge:
        assert run(file, target, *judged_by(judge), "--max-judge-cost", "0.0001") == 1
        assert judge.requests == []
    assert "no score (budget)" in capsys.readouterr().out


@pytest.mark.parametrize("written", ["1,50", "nan", "-1"])
def test_a_budget_that_is_no_amount_is_a_mistake(tmp_path: Path, capsys, written: str):
    file = suite(tmp_path, "cases: [{query: q}]")

    with FakeProvider(TARGET) as target, pytest.raises(SystemExit, match="2"):
        run(file, target, f"--max-judge-cost={written}")
    assert "invalid amount value" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("case", "answer", "checked"),
    [
        (Case("q", keywords=("new york",)), "In New York.", Checked("keywords", 1.0)),
        (
            Case("q", keywords=("a1", "b2")),
            "A1",
            Checked("keywords", 0.5, "missing 'b2'"),
        ),
        (Case("q", pattern="(?i)^YES"), "yes.", Checked("pattern", 1.0)),
        (
            Case("q", json_schema={"type": "object", "required": ["a"]}),
            "{}",
            Checked("json_schema", 0.0, '$: not as required (["a"]) says'),
        ),
    ],
)
def test_what_can_be_said_without_a_judge(case: Case, answer: str, checked: Checked):
    assert list(check(case, answer)) == [checked]


def test_a_schema_is_never_fetched():
    with FakeProvider({"^GET /": lambda _: json_answer({})}) as server:
        checked = list(check(Case("q", json_schema={"$ref": server.url + "/s.json"}), "{}"))

        assert server.requests == []
    [only] = checked
    assert (only.name, only.value) == ("json_schema", 0.0)
    assert "which it does not hold" in (only.problem or "")


def test_two_targets_are_compared_with_their_answers_in_both_places(tmp_path: Path, capsys):
    file = suite(tmp_path, "cases: [{name: one, query: q}]")

    def prefer_long(received: Received):
        given = json.loads(received.json()["messages"][-1]["content"])
        return said(json.dumps({"better": "A" if len(given["A"]) > len(given["B"]) else "B"}))

    other = {r"^POST /v1/chat/completions": lambda _: said("I see very well indeed.")}
    with (
        FakeProvider(TARGET) as target,
        FakeProvider(other) as second,
        FakeProvider({r"^POST /v1/chat": prefer_long}) as judge,
    ):
        targets = ["--target", target.url + "/v1", "--model", MODEL]
        others = ["--other-target", second.url + "/v1", "--other-model", MODEL]
        code = main(["eval", "compare", str(file), *targets, *others, *judged_by(judge)])

    assert (code, len(judge.requests)) == (0, 2)
    assert "one: second\n0 first, 1 second, 0 tie, 0 no verdict" in capsys.readouterr().out


def test_a_suite_without_cases_is_none():
    with pytest.raises(ConfigError, match="cases: there are none"):
        Suite(())
