"""A shop per test, on the module's database; every test makes customers and products of its own."""

import pytest

from contexts.shared.adapters.database import Database
from tests.contexts.orders.shop import Shop


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop.on(database)
