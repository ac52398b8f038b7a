"""The chapter "Execution" of the GraphQL specification, September 2025, statement by statement, on both executors.

A file for each section. `world` is the schema they share; a test is named after the statement it holds.
"""
