"""Prumo's statements, read back from PostgreSQL's log."""

import pytest

from benchmarks.floor.statements import Sent, Statement, Statements, statements_in, understood

ACCOUNT = "01a202dc-8de6-70f8-b82f-6b4130ba1c7f"
PRODUCT = "01a202dc-9010-7617-8d17-072128fb953e"
LOG = f"""\
2026-11-22 10:45:55.108 UTC [9656] LOG:  statement: BEGIN ISOLATION LEVEL READ COMMITTED;
2026-11-22 10:45:55.109 UTC [9656] LOG:  execute __asyncpg_stmt_1__: SELECT amount\x20
\tFROM prices
\tWHERE account = $2::UUID AND state = $1
2026-11-22 10:45:55.109 UTC [9656] DETAIL:  Parameters: $1 = 'D''Oeste', $2 = '{ACCOUNT}'
2026-11-22 10:45:55.110 UTC [9656] LOG:  execute __asyncpg_stmt_2__: SELECT nextval('numbers')
2026-11-22 10:45:55.111 UTC [9656] LOG:  execute __asyncpg_stmt_3__: SELECT $1, $2, $3
2026-11-22 10:45:55.111 UTC [9656] DETAIL:  Parameters: $1 = NULL, $2 = '0', $3 = NULL
2026-11-22 10:45:55.112 UTC [9656] LOG:  statement: COMMIT;
"""


def test_a_log_is_read_statement_by_statement() -> None:
    assert statements_in(LOG) == [
        Sent("SELECT amount \nFROM prices\nWHERE account = $2::UUID AND state = $1", ("D'Oeste", ACCOUNT)),
        Sent("SELECT nextval('numbers')", ()),
        Sent("SELECT $1, $2, $3", (None, "0", None)),
    ]


def test_facts_become_parameters_and_the_rest_literals() -> None:
    sent = Sent(
        "WHERE a = $3 AND b = $1 AND c = ANY ($2) AND d = $3 AND e = $4", ("it's", "{x}", ACCOUNT, None)
    )
    statement = understood(sent, {ACCOUNT: "account_id", "{x}": "slugs"})
    assert statement.sql == "WHERE a = $1 AND b = 'it''s' AND c = ANY ($2) AND d = $1 AND e = NULL"
    assert statement.arguments({"slugs": ["y"], "account_id": 1, "other": 2}) == [1, ["y"]]


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("2026-11-22 10:45:55.1+00", "now"),
        ("2026-11-22 10:45:55+00", "now"),
        (PRODUCT, "fresh_id"),
        (f"{{{PRODUCT},{ACCOUNT}}}", "product_ids"),
        ("{2.000,1}", "quantities"),
        ("\\x" + "0f" * 32, "fingerprint"),
        ('{"number": "P-2026-000002", "order_id": "1"}', "placed"),
    ],
)
def test_a_value_is_known_by_its_form(value: str, meaning: str) -> None:
    assert understood(Sent("$1", (value,)), {}) == Statement("$1", (meaning,))


def test_a_statement_is_found_by_words_and_meaning() -> None:
    by_sku, by_id = Statement("FROM products", ("skus",)), Statement("FROM products", ("product_ids",))
    sent = Statements((by_sku, by_id, by_id))
    assert sent.one("FROM products", takes="product_ids") == by_id
    assert sent.repetitions(by_id) == 2
    with pytest.raises(LookupError, match="prices"):
        sent.one("FROM prices")
