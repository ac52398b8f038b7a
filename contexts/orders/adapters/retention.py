"""What orders need not keep."""

from datetime import timedelta
from typing import Final

from sqlalchemy import func

from contexts.orders.adapters.tables import idempotency_keys
from contexts.shared.adapters.retention import RetentionRule

KEPT_KEYS: Final = timedelta(days=30)
"""A client that retries after this places another order."""

OF_ORDERS: Final = (RetentionRule(idempotency_keys, idempotency_keys.c.created_at < func.now() - KEPT_KEYS),)
