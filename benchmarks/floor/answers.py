"""The JSON that Prumo answers with, by hand: rows in, dicts out."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson
from asyncpg import Record

from resolvers.vocabulary.node import node_id

Json = dict[str, object]

_RANK = {"BUYER": 2, "STATE": 1, "NATIONAL": 0}
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Prices:
    """The candidates of some products, for one account at one instant."""

    rows: dict[UUID, list[Record]]
    tier: str | None
    at: datetime

    def winner(self, product_id: UUID, quantity: Decimal = _ONE) -> Record | None:
        """The row that is the price of so much of the product."""
        best, best_rank = None, (-1, False, quantity)
        for row in self.rows.get(product_id, ()):
            if self._applies(row) and row["min_quantity"] <= quantity:
                rank = (_RANK[row["source"]], row["tier"] is not None, row["min_quantity"])
                if best is None or rank > best_rank:
                    best, best_rank = row, rank
        return best

    def breaks(self, product_id: UUID, unit: str, minimum: Decimal) -> list[Json]:
        """The price by quantity, from the smallest that can be bought."""
        steps: list[Json] = []
        last = None
        applying = (row for row in self.rows[product_id] if self._applies(row))
        for quantity in sorted({max(row["min_quantity"], minimum) for row in applying}):
            winner = self.winner(product_id, quantity)
            if winner is not None and winner["amount"] != last:
                last = winner["amount"]
                value: Json = {"value": number(quantity), "unit": unit}
                steps.append({"from": value, "unitPrice": {"amount": amount(last), "currency": "BRL"}})
        return steps

    def valid_until(self, winner: Record, quantity: Decimal = _ONE) -> str | None:
        """When the price may change."""
        rank = (_RANK[winner["source"]], winner["tier"] is not None, winner["min_quantity"])
        changes = [
            row["valid_from"]
            for row in self.rows[winner["product_id"]]
            if row["valid_from"] > self.at
            and row["min_quantity"] <= quantity
            and row["tier"] in (None, self.tier)
            and (_RANK[row["source"]], row["tier"] is not None, row["min_quantity"]) > rank
        ]
        if winner["valid_to"] is not None:
            changes.append(winner["valid_to"])
        return min(changes).isoformat() if changes else None

    def _applies(self, row: Record) -> bool:
        until = row["valid_to"]
        return (
            row["valid_from"] <= self.at
            and (until is None or self.at < until)
            and row["tier"] in (None, self.tier)
        )


def prices(rows: Iterable[Record], tier: str | None, at: datetime) -> Prices:
    """Candidates by product."""
    found: dict[UUID, list[Record]] = {}
    for row in rows:
        found.setdefault(row["product_id"], []).append(row)
    return Prices(found, tier, at)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Products as JSON; `media_url` is what image keys are appended to."""

    media_url: str

    def listed(self, row: Record, prices: Prices) -> Json:
        """portal/Products.graphql"""
        status, available = availability(row)
        winner = prices.winner(row["id"])
        return {
            "__typename": "Product",
            "id": node_id("Product", row["id"]),
            "sku": row["sku"],
            "slug": row["slug"],
            "name": row["name"],
            "unit": row["unit"],
            "category": self._category(row),
            "image": self._image(row),
            "availability": {"status": status, "available": available},
            "price": None
            if winner is None
            else {
                "unitPrice": {"amount": amount(winner["amount"]), "currency": "BRL"},
                "source": winner["source"],
            },
        }

    def shown(self, row: Record, prices: Prices) -> Json:
        """portal/Product.graphql"""
        status, available = availability(row)
        return {
            "__typename": "Product",
            "id": node_id("Product", row["id"]),
            "sku": row["sku"],
            "slug": row["slug"],
            "name": row["name"],
            "unit": row["unit"],
            "quantityStep": number(row["quantity_step"]),
            "category": self._category(row),
            "image": self._image(row),
            "availability": {"status": status, "available": available},
            "price": self._price(row, prices),
        }

    def in_cart(self, row: Record) -> Json:
        """The product of a line of portal/SetCartLine.graphql"""
        status, available = availability(row)
        return {
            "__typename": "Product",
            "id": node_id("Product", row["id"]),
            "sku": row["sku"],
            "slug": row["slug"],
            "name": row["name"],
            "unit": row["unit"],
            "quantityStep": number(row["quantity_step"]),
            "image": self._image(row),
            "availability": {"status": status, "available": available},
        }

    def _category(self, row: Record) -> Json:
        return {
            "__typename": "Category",
            "id": node_id("Category", row["category_id"]),
            "name": row["category_name"],
            "slug": row["category_slug"],
        }

    def at_length(self, row: Record, prices: Prices) -> Json:
        """benchmarks/operations/LargeList.graphql"""
        status, available = availability(row)
        id, category_id = node_id("Product", row["id"]), node_id("Category", row["category_id"])
        sku, slug, name, unit, step = (
            row["sku"],
            row["slug"],
            row["name"],
            row["unit"],
            number(row["quantity_step"]),
        )
        category, category_slug = row["category_name"], row["category_slug"]
        image, price = self._image(row), self._price(row, prices)
        return {
            "id": id,
            "sku": sku,
            "slug": slug,
            "name": name,
            "unit": unit,
            "quantityStep": step,
            "category": {"id": category_id, "name": category, "slug": category_slug},
            "image": image,
            "availability": {"status": status, "available": available},
            "price": price,
            "key": id,
            "code": sku,
            "address": slug,
            "title": name,
            "soldIn": unit,
            "step": step,
            "shelf": {"key": category_id, "title": category, "address": category_slug},
            "picture": image and {"address": image["url"], "text": image["alt"]},
            "stock": {"word": status, "left": available},
            "cost": price
            and {
                "each": {"value": price["unitPrice"]["amount"], "money": "BRL"},
                "level": price["source"],
                "until": price["validUntil"],
            },
            "label": name,
            "reference": sku,
            "link": slug,
            "group": {"label": category, "link": category_slug},
            "photo": image and {"link": image["url"], "label": image["alt"]},
            "supply": {"state": status, "rest": available},
            "measure": unit,
            "multiple": step,
            "self": id,
        }

    def _image(self, row: Record) -> Json | None:
        key = row["object_key"]
        return {"url": f"{self.media_url}/{quote(key)}", "alt": row["alt"]} if key else None

    def _price(self, row: Record, prices: Prices) -> dict[str, Any] | None:
        winner = prices.winner(row["id"])
        if winner is None:
            return None
        return {
            "unitPrice": {"amount": amount(winner["amount"]), "currency": "BRL"},
            "source": winner["source"],
            "validUntil": prices.valid_until(winner),
            "breaks": prices.breaks(row["id"], row["unit"], row["quantity_step"]),
        }


def cursor(row: Record) -> str:
    """The place of a row of a page: the ordering's name, then its keys, which are the columns key_0, key_1, …"""
    keys = [str(value) for name, value in row.items() if name.startswith("key_")]
    return urlsafe_b64encode(orjson.dumps(["RELEVANCE", *keys])).decode().rstrip("=")


def page_info(rows: Sequence[Record], has_next: bool) -> Json:
    """PageInfo of a first page."""
    return {
        "hasNextPage": has_next,
        "hasPreviousPage": False,
        "startCursor": cursor(rows[0]) if rows else None,
        "endCursor": cursor(rows[-1]) if rows else None,
    }


def availability(row: Record) -> tuple[str, str]:
    """Status and what is available."""
    available = row["on_hand"] - row["reserved"]
    status = (
        "OUT_OF_STOCK" if available <= 0 else "LOW_STOCK" if available <= row["low_stock_at"] else "IN_STOCK"
    )
    return status, number(available)


def amount(unit_price: Decimal) -> str:
    """Four decimals as they are stored, less the last two if they are zeros."""
    text = str(unit_price)
    return text[:-2] if text.endswith("00") else text.removesuffix("0")


def number(value: Decimal | int) -> str:
    """Without trailing zeros."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
