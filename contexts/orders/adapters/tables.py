"""The tables of the PostgreSQL schema `orders`."""

from sqlalchemy import MetaData

metadata = MetaData(schema="orders")
