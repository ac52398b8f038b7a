"""The tables of the PostgreSQL schema `catalog`."""

from sqlalchemy import MetaData

metadata = MetaData(schema="catalog")
