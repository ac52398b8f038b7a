"""The tables of the PostgreSQL schema `identity`."""

from sqlalchemy import MetaData

metadata = MetaData(schema="identity")
