"""Real model ids with what each bucket costs, against the book.

``tests/data/prices.csv`` was typed from a second table (the price file of litellm 1.109.1, with
the page it names as its source), so that the book is not compared with itself; ``date`` is when the
figure was last checked or came into force. ``listed`` is ``no`` where the book has no price (such
a model must stay unpriced) and ``partly`` where it lacks the rate of a bucket and bills that as
what it is part of.
"""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from otel_llm.pricing import Card, Unpriced
from tests.pricing.book import NOV, book

FILE = Path(__file__).parent.parent / "data" / "prices.csv"
BUCKETS = (
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "audio_input",
    "audio_output",
)
ROWS = list(csv.DictReader(FILE.read_text(encoding="utf-8").splitlines()))
LISTED = [row for row in ROWS if row["listed"] == "yes"]


def per_million(card: Card) -> dict[str, Decimal]:
    rates = card.bands[-1].exact._asdict()
    return {bucket: rates[bucket] * 1_000_000 for bucket in BUCKETS}


def expected(row: dict[str, str]) -> dict[str, Decimal]:
    return {bucket: Decimal(row[bucket]) for bucket in BUCKETS if row[bucket]}


@pytest.mark.parametrize("row", LISTED, ids=lambda row: f"{row['provider']}/{row['model']}")
def test_every_bucket_costs_what_the_second_table_says(row: dict[str, str]):
    card = book().quote(row["provider"], row["model"], NOV)

    assert isinstance(card, Card)
    found = per_million(card)
    wanted = expected(row)
    assert {b: found[b] for b in wanted} == pytest.approx(wanted, rel=Decimal("0.005"))


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row["listed"] == "no"],
    ids=lambda row: f"{row['provider']}/{row['model']}",
)
def test_a_model_that_is_not_listed_stays_unpriced(row: dict[str, str]):
    assert isinstance(book().quote(row["provider"], row["model"], NOV), Unpriced)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row["listed"] == "partly"],
    ids=lambda row: f"{row['provider']}/{row['model']}",
)
def test_what_the_book_lacks_is_a_rate_of_the_cache_or_of_audio_and_nothing_else(
    row: dict[str, str],
):
    card = book().quote(row["provider"], row["model"], NOV)

    assert isinstance(card, Card)
    found, wanted = per_million(card), expected(row)
    wrong = {b for b in wanted if found[b] != wanted[b]}
    assert wrong
    assert wrong <= {"cache_read", "audio_input", "audio_output"}


def test_the_table_is_wide_and_most_of_it_is_known(capsys: pytest.CaptureFixture[str]):
    providers = {row["provider"] for row in LISTED}
    rate = len(LISTED) / len(ROWS)

    with capsys.disabled():
        print(f"\n{len(LISTED)} of {len(ROWS)} ids known ({rate:.0%}), {len(providers)} providers")

    assert len(LISTED) >= 150
    assert len(providers) >= 12
    assert rate >= 0.85
    assert all(row["source"] and row["date"] for row in ROWS)
