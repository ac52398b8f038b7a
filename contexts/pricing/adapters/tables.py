"""The tables of the PostgreSQL schema `pricing`."""

from sqlalchemy import MetaData

metadata = MetaData(schema="pricing")
