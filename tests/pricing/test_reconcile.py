"""Our sums against the provider's export."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from otel_llm.genai import Call, Cost
from otel_llm.pricing.exports import Charge, Columns, read_charges
from otel_llm.pricing.reconcile import Residual, reconcile, reported
from tests.pricing.book import at

DAY = date(2026, 11, 20)

OPENAI = """\
start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id
1795132800,1795219200,2026-11-20T00:00:00+00:00,2026-11-21T00:00:00+00:00,1.25,usd,"gpt-4o-2024-08-06, input",p
1795132800,1795219200,2026-11-20T00:00:00+00:00,2026-11-21T00:00:00+00:00,0.75,usd,"gpt-4o-2024-08-06, output",p
1795219200,1795305600,2026-11-21T00:00:00+00:00,2026-11-22T00:00:00+00:00,,,,
"""  # noqa: E501
ANTHROPIC = """\
usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,cost_type
2026-11-20,Claude Haiku 4.5,Default,key,message,≤ 200k,input_no_cache,0.05,token
2026-11-20,Claude Haiku 4.5,Default,key,message,≤ 200k,output,0.10,token
"""
AWS = """\
line_item_usage_start_date,line_item_product_code,line_item_usage_type,line_item_unblended_cost
2026-11-20T07:00:00Z,AmazonBedrock,USE1-NovaPro-input-tokens,0.4
2026-11-20T07:00:00Z,AmazonEC2,BoxUsage:t3.micro,9.9
"""
AWS_BEFORE = """\
lineItem/UsageStartDate,lineItem/ProductCode,lineItem/UsageType,lineItem/UnblendedCost,lineItem/CurrencyCode,product/ProductName
2026-11-20T07:00:00Z,AmazonBedrock,EUC1-NovaPro-input-tokens,0.4,USD,Amazon Bedrock
2026-11-20T07:00:00Z,4jm7,USE1-MP:USE1_InputTokenCount-Units,0.5,USD,Claude Sonnet 4.5 (Amazon Bedrock Edition)
2026-11-20T07:00:00Z,AmazonEC2,BoxUsage:t3.micro,9.9,USD,Amazon Elastic Compute Cloud
"""  # noqa: E501
AWS_NESTED = """\
line_item_usage_start_date,line_item_product_code,line_item_usage_type,line_item_unblended_cost,product
2026-11-20T07:00:00.000Z,4jm7,MP:USE1_InputTokenCount,0.5,"{""product_name"":""Claude 3.5 Sonnet v2 (Amazon Bedrock Edition)""}"
"""  # noqa: E501


FOCUS = """\
BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ServiceName,x_ServiceCode,x_UsageType
0.4,USD,Usage,2026-11-20T09:00:00Z,Amazon Bedrock,AmazonBedrock,USE1-NovaPro-input-tokens
0.5,USD,Usage,2026-11-20T09:00:00Z,Claude Sonnet 4.5 (Amazon Bedrock Edition),abc,USE1-MP:Count
9.9,USD,Usage,2026-11-20T09:00:00Z,Amazon Elastic Compute Cloud,AmazonEC2,BoxUsage
1.1,USD,Tax,2026-11-20T09:00:00Z,Amazon Bedrock,AmazonBedrock,
-2,USD,Credit,2026-11-20T09:00:00Z,Amazon Bedrock,AmazonBedrock,USE1-NovaPro-input-tokens
"""


def call(
    model: str, total: float | None, when: str = "2026-11-20T10:00", operation: str = "chat"
) -> Call:
    cost = Cost(total) if total is not None else None
    start = at(when)
    return Call(
        "t",
        "s",
        None,
        "chat",
        start,
        start + 1,
        operation=operation,
        response_model=model,
        cost=cost,
    )


def exported(folder: Path, text: str) -> Path:
    file = folder / "export.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_fees_for_searches_are_held_against_the_lines_that_bill_them(tmp_path: Path):
    fee = "2026-11-20,,Default,key,message,,,0.03,web_search\n"
    searched = replace(call("claude-haiku-4-5", 0.18), cost=Cost(0.18, tools=0.03))

    apart = reconcile([searched], read_charges(exported(tmp_path, ANTHROPIC + fee)))
    within = reconcile([searched], read_charges(exported(tmp_path, ANTHROPIC)))

    assert [(row.model, row.ours, row.theirs) for row in apart] == [
        ("claude-haiku-4-5", Decimal("0.15"), Decimal("0.15")),
        ("searches", Decimal("0.03"), Decimal("0.03")),
    ]
    assert [(row.model, row.ours, row.theirs) for row in within] == [
        ("claude-haiku-4-5", Decimal("0.18"), Decimal("0.15")),
    ]


def test_a_model_with_search_in_its_name_is_a_model():
    charges = [Charge(DAY, "gpt-4o-search-preview-2025-03-11, input", Decimal("0.5"))]

    (row,) = reconcile([call("gpt-4o-search-preview", 0.5)], charges)

    assert (row.ours, row.theirs) == (Decimal("0.5"), Decimal("0.5"))


@pytest.mark.parametrize(
    ("text", "charges"),
    [
        (
            OPENAI,
            [
                Charge(DAY, "gpt-4o-2024-08-06, input", Decimal("1.25"), "openai"),
                Charge(DAY, "gpt-4o-2024-08-06, output", Decimal("0.75"), "openai"),
            ],
        ),
        (
            ANTHROPIC,
            [
                Charge(DAY, "Claude Haiku 4.5", Decimal("0.05"), "anthropic"),
                Charge(DAY, "Claude Haiku 4.5", Decimal("0.10"), "anthropic"),
            ],
        ),
        (AWS, [Charge(DAY, "USE1-NovaPro-input-tokens", Decimal("0.4"), "aws")]),
        (
            AWS_BEFORE,
            [
                Charge(DAY, "EUC1-NovaPro-input-tokens", Decimal("0.4"), "aws"),
                Charge(DAY, "Claude Sonnet 4.5", Decimal("0.5"), "aws"),
            ],
        ),
        (AWS_NESTED, [Charge(DAY, "Claude 3.5 Sonnet v2", Decimal("0.5"), "aws")]),
        (
            FOCUS,
            [
                Charge(DAY, "USE1-NovaPro-input-tokens", Decimal("0.4"), "aws"),
                Charge(DAY, "Claude Sonnet 4.5", Decimal("0.5"), "aws"),
            ],
        ),
    ],
)
def test_an_export_is_known_by_its_header(tmp_path: Path, text: str, charges: list[Charge]):
    assert list(read_charges(exported(tmp_path, text))) == charges


AWS_WHOLE = """\
line_item_line_item_type,line_item_usage_start_date,line_item_product_code,line_item_usage_type,line_item_line_item_description,line_item_unblended_cost,line_item_currency_code,product
Usage,2026-11-20 07:00:00.000,AmazonBedrock,USE1-Nova2.0Lite-input-tokens,"$0.06 per 1M ""input"" tokens
over two lines",1.0E-4,USD,"{""product_name"":""Amazon Bedrock"",""region"":""us-east-1""}"
Tax,2026-11-01T00:00:00Z,AmazonBedrock,,Tax for product code AmazonBedrock,0.91,USD,{}
Credit,2026-11-20T00:00:00Z,AmazonBedrock,USE1-Nova2.0Lite-input-tokens,Promotion,-1.25,USD,{}
Refund,2026-11-20T00:00:00Z,AmazonBedrock,USE1-Nova2.0Lite-input-tokens,Refund,-0.25,USD,{}
EdpDiscount,2026-11-20T00:00:00Z,AmazonBedrock,USE1-Nova2.0Lite-input-tokens,EDP,-0.00001,USD,{}
"""  # noqa: E501
NOVA = "USE1-Nova2.0Lite-input-tokens"


def test_taxes_credits_and_refunds_are_about_no_call_and_discounts_are(tmp_path: Path):
    file = tmp_path / "cur.csv"
    file.write_text(AWS_WHOLE)

    assert list(read_charges(file)) == [
        Charge(DAY, NOVA, Decimal("0.00010"), "aws"),
        Charge(DAY, NOVA, Decimal("-0.00001"), "aws"),
    ]


@pytest.mark.parametrize(
    "saved",
    [
        pytest.param(ANTHROPIC.encode(), id="as it comes"),
        pytest.param(gzip.compress(ANTHROPIC.encode()), id="compressed"),
        pytest.param(ANTHROPIC.encode("utf-8-sig"), id="with a mark in front"),
        pytest.param(ANTHROPIC.encode("utf-16"), id="in UTF-16"),
        pytest.param(ANTHROPIC.replace("\n", "\r\n").encode(), id="with lines of Windows"),
        pytest.param(ANTHROPIC.replace(",", "\t").encode("utf-16"), id="with tabs"),
        pytest.param(
            ANTHROPIC.replace(",", ";").replace("0.05", "0,05").replace("0.10", "0,10").encode(),
            id="with semicolons and commas",
        ),
    ],
)
def test_an_export_that_a_spreadsheet_saved_again_is_the_same_export(saved: bytes, tmp_path: Path):
    file = tmp_path / "export.csv"
    file.write_bytes(saved)

    assert list(read_charges(file)) == [
        Charge(DAY, "Claude Haiku 4.5", Decimal("0.05"), "anthropic"),
        Charge(DAY, "Claude Haiku 4.5", Decimal("0.10"), "anthropic"),
    ]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ('day,model,usd\n2026-11-20,m,"1,234.57"\n', "1234.57"),
        ('day,model,usd\n2026-11-20,m,"$1,234"\n', "1234"),
        ("day,model,usd\n2026-11-20,m,($0.50)\n", "-0.50"),
        ("day,model,usd\n2026-11-20,m,0.5 USD\n", "0.5"),
        ("day,model,usd\n2026-11-20,m,1.5E-4\n", "0.00015"),
        ("day;model;usd\n2026-11-20;m;1.234,57\n", "1234.57"),
        ("day;model;usd\n2026-11-20;m;1.234.567\n", "1234567"),
        ("day;model;usd\n2026-11-20;m;0.125\n", "0.125"),
        ("day;model;usd\n2026-11-20;m;1\u00a0234,5\n", "1234.5"),
        ("day;model;usd\n20.11.2026;m;-1'234,5\n", "-1234.5"),
        ("day\tmodel\tusd\n2026-11-20\tm\t0,05\n", "0.05"),
        ("day,model,usd\n11/20/2026,m,2\n", "2"),
        ("day,model,usd\n11/20/2026 0:00,m,2\n", "2"),
        ("day,model,usd\n2026-11-20 09:00:00 UTC,m,2\n", "2"),
        (" day , model ,usd \n2026-11-20,m,2\n", "2"),
        ("day,model,usd\n2026-11-20,m,2\nTotal,,2\n", "2"),
    ],
)
def test_days_and_amounts_are_read_as_spreadsheets_of_several_countries_show_them(
    tmp_path: Path, text: str, amount: str
):
    file = exported(tmp_path, text)

    assert list(read_charges(file, Columns("day", "model", "usd"))) == [
        Charge(DAY, "m", Decimal(amount))
    ]


@pytest.mark.parametrize("text", ["20/11/2026,m,2", "2026-11-20,m,2 €", '2026-11-20,m,"1,2,3"'])
def test_a_day_or_an_amount_that_may_be_something_else_is_refused(tmp_path: Path, text: str):
    file = exported(tmp_path, f"day,model,usd\n{text}\n")

    with pytest.raises(ValueError, match="line 2"):
        list(read_charges(file, Columns("day", "model", "usd")))


def test_letters_of_windows_and_those_of_utf_8_can_be_read(tmp_path: Path):
    file = tmp_path / "export.csv"
    file.write_bytes("Tag;Währung;Modell;€\n2026-11-20;ü;m;0,5\n".encode("cp1252"))

    assert list(read_charges(file, Columns("Tag", "Modell", "€"))) == [
        Charge(DAY, "m", Decimal("0.5"))
    ]


def test_a_workbook_is_no_table(tmp_path: Path):
    file = tmp_path / "export.xlsx"
    file.write_bytes(b"PK\x03\x04")

    with pytest.raises(ValueError, match="save the table as CSV"):
        list(read_charges(file))


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(gzip.compress(ANTHROPIC.encode())[:-20], id="half"),
        pytest.param(gzip.compress(ANTHROPIC.encode())[:14], id="less than a line"),
        pytest.param(gzip.compress(b"a")[:10] + b"\xff" * 20, id="no deflate"),
    ],
)
def test_a_damaged_compressed_file_is_refused(tmp_path: Path, damaged: bytes):
    file = tmp_path / "export.csv.gz"
    file.write_bytes(damaged)

    with pytest.raises(ValueError, match="line"):
        list(read_charges(file))


def test_any_table_can_be_read_once_its_columns_are_named(tmp_path: Path):
    file = exported(tmp_path, "when,what,usd\n1795176000,m,2\n")

    assert list(read_charges(file, Columns("when", "what", "usd"))) == [
        Charge(DAY, "m", Decimal(2))
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "a,b\n1,2\n",
            r"not an export that is known \(openai, anthropic, aws, focus\) by its .* \(a, b\)",
        ),
        (ANTHROPIC + "yesterday,x,,,,,,1,\n", "line 4: no day or no amount"),
        (ANTHROPIC + "99999999999999999999,x,,,,,,1,\n", "line 4: no day or no amount"),
        (ANTHROPIC + "2026-11-20,x,,,,,,much,\n", "line 4: no day or no amount"),
        (ANTHROPIC + "2026-11-20,x,,,,,,NaN,\n", "line 4: no day or no amount"),
        (OPENAI.replace("usd", "eur"), "line 2: no day or no amount of US dollars"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path, text: str, problem: str):
    with pytest.raises(ValueError, match=problem):
        list(read_charges(exported(tmp_path, text)))


def test_a_column_that_is_named_and_not_there_is_told(tmp_path: Path):
    file = exported(tmp_path, "when,what,usd\n1795176000,m,2\n")

    with pytest.raises(ValueError, match="has no column eur; it has when, what, usd"):
        list(read_charges(file, Columns("when", "what", "eur")))


def test_calls_that_another_provider_bills_are_left_out(tmp_path: Path):
    sonnet = "claude-sonnet-4-5-20250929"
    calls = [
        replace(call(model, amount), provider=provider)
        for provider, model, amount in (
            ("aws.bedrock", "eu.amazon.nova-pro-v1:0", 0.4),
            ("litellm", f"bedrock/us.anthropic.{sonnet}-v1:0", 0.5),
            ("anthropic", sonnet, 7.0),
            ("openai", "gpt-4o", 8.0),
        )
    ]

    rows = reconcile(calls, read_charges(exported(tmp_path, AWS_BEFORE)))

    assert [(row.ours, row.theirs, row.amount) for row in rows] == [
        (Decimal("0.5"), Decimal("0.5"), 0),
        (Decimal("0.4"), Decimal("0.4"), 0),
    ]


def test_a_cost_in_another_currency_is_not_taken_for_dollars():
    euros = replace(call("gpt-4o", 2.0), cost=Cost(2.0, currency="EUR"))

    (row,) = reconcile([euros], [Charge(DAY, "gpt-4o", Decimal(2))])

    assert (row.ours, row.theirs) == (None, Decimal(2))


def test_each_model_and_day_has_its_residual_and_the_largest_comes_first(tmp_path: Path):
    calls = [
        call("gpt-4o-2024-08-06", 0.9),
        call("gpt-4o-2024-08-06", 1.0, "2026-11-20T23:59:59"),
        call("gpt-4o-mini", 0.5),
        call("gpt-4o-mini", None),
    ]

    rows = reconcile(calls, read_charges(exported(tmp_path, OPENAI)))

    assert rows == [
        Residual(DAY, "gpt-4o-mini", Decimal("0.5"), None),
        Residual(DAY, "gpt-4o-2024-08-06", Decimal("1.9"), Decimal(2)),
    ]
    assert [(row.amount, row.share) for row in rows] == [
        (Decimal("-0.5"), None),
        (Decimal("0.1"), Decimal("0.05")),
    ]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("claude-haiku-4-5-20251001", "Claude Haiku 4.5"),
        ("claude-3-5-haiku-20241022", "Claude Haiku 3.5"),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-08-06, cached input"),
        ("amazon.nova-pro-v1:0", "USE1-NovaPro-input-tokens"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "USE1-Claude4.5Sonnet-output-tokens"),
        ("amazon.nova-2-lite-v1:0", "USE1-Nova2.0Lite-input-tokens"),
        ("us.amazon.nova-pro-v1:0", "USW2-NovaPro-output-tokens-flex"),
        ("openai.gpt-oss-120b-1:0", "USE1-gpt-oss-120b-input-tokens-priority"),
        ("qwen.qwen3-32b-v1:0", "USE1-Qwen3-32B-input-tokens"),
        ("ft:gpt-4.1-mini-2025-04-14:acme::a1b2", "ft:gpt-4.1-mini-2025-04-14, input"),
    ],
)
def test_two_spellings_of_a_model_meet(ours: str, theirs: str):
    rows = reconcile([call(ours, 1.0)], [Charge(DAY, theirs, Decimal(1))])

    assert rows == [Residual(DAY, ours, Decimal(1), Decimal(1))]


def test_agents_that_repeat_the_cost_of_their_calls_are_not_counted():
    rows = reconcile([call("m", 1.0), call("m", 1.0, operation="invoke_agent")], [])

    assert rows == [Residual(DAY, "m", Decimal(1), None)]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("gpt-4o", "gpt-4o-mini, input"), ("meta.llama3-3-70b-instruct-v1:0", "Llama3-70B-Instruct")],
)
def test_models_of_one_family_are_kept_apart(ours: str, theirs: str):
    rows = reconcile([call(ours, 1.0)], [Charge(DAY, theirs, Decimal(1))])

    assert len(rows) == 2


def test_a_name_that_does_not_meet_can_be_told():
    rows = reconcile([call("m", 1.0)], [Charge(DAY, "Product 7", Decimal(1))], {"Product 7": "m"})

    assert rows == [Residual(DAY, "m", Decimal(1), Decimal(1))]


def test_what_the_provider_said_with_each_answer_is_held_against_our_costs():
    said = replace(call("m", 1.0), reported_cost=1.5)
    unsaid, unpriced = call("m", 9.0), replace(call("m", None), reported_cost=9.0)
    in_euros = replace(said, cost=Cost(0.9, currency="EUR"))

    assert reported([said, said, unsaid, unpriced, in_euros]) == [
        Residual(DAY, "m", Decimal("2.0"), Decimal("3.0"))
    ]
