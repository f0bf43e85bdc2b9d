"""Numbers of persons: found where their state's rule proves them, and nowhere else."""

from __future__ import annotations

import random

import pytest

from otel_llm.collector.redaction import Redactor as OfCollector
from otel_llm.collector.redaction.redactor import GROUPS
from otel_llm.instrumentation.core.redaction import Redactor
from otel_llm.quality.leaks import find_pii

NUMBERS = (  # printed as examples by those who give them out, or made by the rule
    ("uk_nino", "AB 12 34 56 C", "GB 12 34 56 C"),
    ("uk_nino", "AB123456C", "AB123456E"),
    ("de_tax_id", "36574261809", "36574261808"),
    ("de_tax_id", "36 574 261 809", "36 574 261 890"),
    ("de_tax_id", "86095742719", "12345678903"),
    ("de_id_card", "T220001293", "T220001294"),
    ("de_id_card", "L01X00T471", "L01X00T472"),
    ("fr_insee", "2 55 08 14 168 025 38", "2 55 08 14 168 025 39"),
    ("fr_insee", "255081416802538", "255131416802538"),
    ("fr_insee", "1 79 08 2A 012 345 33", "1 79 08 2B 012 345 33"),
    ("es_dni", "12345678Z", "12345678A"),
    ("es_dni", "54362315-K", "54362315-L"),
    ("es_dni", "X-2482300-W", "X-2482300-A"),
    ("it_codice_fiscale", "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
    ("nl_bsn", "111222333", "111222334"),
    ("nl_bsn", "1112.22.333", "1112.22.334"),
    ("pl_pesel", "44051401359", "44051401358"),
    ("pl_pesel", "02070803628", "02990803628"),
    ("se_personnummer", "811228-9874", "811228-9873"),
    ("se_personnummer", "19811228-9874", "19811328-9874"),
    ("se_personnummer", "8112289874", "8112289873"),
    ("br_cpf", "390.533.447-05", "390.533.447-06"),
    ("br_cpf", "39053344705", "11111111111"),
    ("in_aadhaar", "2341 2341 2346", "2341 2341 2347"),
    ("in_aadhaar", "234123412346", "134123412346"),
    ("ca_sin", "130 692 544", "130 692 543"),
    ("ca_sin", "123456782", "123456789"),
    ("no_fodselsnummer", "11077941012", "11077941013"),
    ("fi_hetu", "131052-308T", "131052-308U"),
    ("fi_hetu", "131002A308W", "131002A308X"),
    ("be_national", "85.07.30-033.28", "85.07.30-033.29"),
    ("ch_ahv", "756.9217.0769.85", "756.9217.0769.84"),
    ("cn_resident", "11010519491231002X", "110105194912310021"),
    ("kr_rrn", "820701-2409181", "820701-2409182"),
)
SAID = {
    "nl_bsn": "His BSN is {}.",
    "se_personnummer": "Personnummer: {}.",
    "in_aadhaar": "My Aadhaar number: {}.",
    "ca_sin": "Her social insurance number is {}.",
}


def sentence(kind: str, number: str) -> str:
    return SAID.get(kind, "Write {} into the form.").format(number)


@pytest.mark.parametrize(("kind", "number", "wrong"), NUMBERS)
def test_a_number_goes_and_what_only_looks_like_it_stays(kind: str, number: str, wrong: str):
    redacted = Redactor().text(sentence(kind, number))

    assert redacted == sentence(kind, f"[{kind}]")
    assert Redactor().text(sentence(kind, wrong)) == sentence(kind, wrong)


@pytest.mark.parametrize(("kind", "number", "wrong"), NUMBERS)
def test_the_collector_takes_out_the_same(kind: str, number: str, wrong: str):
    redactor = OfCollector(GROUPS["pii"], {}, (), None)

    assert redactor.text(sentence(kind, number)) == sentence(kind, f"[{kind}]")
    assert redactor.text(sentence(kind, wrong)) == sentence(kind, wrong)


def test_one_kind_can_be_asked_for_alone():
    redactor = OfCollector(("es_dni",), {}, (), None)

    assert redactor.text("12345678Z and 44051401359") == "[es_dni] and 44051401359"


def test_bare_digits_of_which_many_would_fit_need_a_word_that_says_so():
    assert Redactor().text("Order 111222333 and 8112289874.") == "Order 111222333 and 8112289874."


@pytest.mark.parametrize(("length", "at_most"), [(8, 0), (9, 0), (10, 0), (11, 0.06), (12, 0.01)])
def test_few_numbers_that_nobody_was_given_are_taken_for_one(length: int, at_most: float):
    chance = random.Random(7)
    orders = [f"Order {chance.randrange(10**length):0{length}} sent." for _ in range(2000)]

    alarms = sum(any(find_pii(order)) for order in orders)

    assert alarms / len(orders) <= at_most


@pytest.mark.parametrize(
    "text",
    [
        "In 2026 the 3 of 12 months since 2024-11-20 cost 1,234,567,890 dollars.",
        "Version 10.11.12.13 of build 20261121-1200, commit 0123456789ABCDEF.",
        "Card 1234 5678 9012 3456 has no owner; call 100 200 300.",
        "SKU LX2000-4471, part RSSMRA85, ISBN 978-3-16-148410-0.",
        "Timestamps 1732176000 and 1732176000123 are in order.",
    ],
)
def test_ordinary_numbers_stay(text: str):
    assert Redactor().text(text) == text
