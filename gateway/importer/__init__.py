"""Importing published price sheets: a spreadsheet as it is becomes products with prices of a state."""
