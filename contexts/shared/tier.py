"""The price tier that accounts have and prices are for."""

MAX_TIER = 40
"""Characters."""
