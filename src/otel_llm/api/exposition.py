"""``/metrics``: families of samples as text, in the classic format or in OpenMetrics 1.0.

OpenMetrics carries the exemplars that lead from a bucket to a trace; a scraper asks for it in
``Accept``. Specification: prometheus/docs ``exposition_formats.md``; OpenMetrics 1.0.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from otel_llm.collector.measures.samples import Exemplar, Family, Labels, Sample

CLASSIC: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def wants_openmetrics(accept: str) -> bool:
    """Whether the scraper takes OpenMetrics."""
    return "application/openmetrics-text" in accept


def render(families: Iterable[Family], *, openmetrics: bool = False) -> str:
    """The text of ``families``."""
    lines = [line for family in families for line in _family(family, openmetrics)]
    return "\n".join([*lines, "# EOF"] if openmetrics else lines) + "\n"


def _family(family: Family, openmetrics: bool) -> Iterator[str]:
    # The classic format describes a counter under its sample's name.
    suffix = "_total" if family.kind == "counter" and not openmetrics else ""
    name = family.name + suffix
    yield f"# HELP {name} {_escaped_help(family.help)}"
    yield f"# TYPE {name} {family.kind}"
    for sample in family.samples:
        yield _sample(family.name, sample, openmetrics)


def _sample(name: str, sample: Sample, openmetrics: bool) -> str:
    line = f"{name}{sample.suffix}{_labels(sample.labels)} {sample.value}"
    return line + _exemplar(sample.exemplar) if openmetrics and sample.exemplar else line


def _exemplar(exemplar: Exemplar) -> str:
    labels = _labels({"trace_id": exemplar.trace_id, "span_id": exemplar.span_id})
    return f" # {labels} {exemplar.value} {exemplar.at_s:.3f}"


def _labels(labels: Labels) -> str:
    # An empty value means the same as no label.
    pairs = [f'{name}="{_escaped(value)}"' for name, value in labels.items() if value]
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _escaped(text: str) -> str:
    return _escaped_help(text).replace('"', r"\"")


def _escaped_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
