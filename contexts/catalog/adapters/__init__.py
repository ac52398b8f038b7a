"""PostgreSQL and S3 behind the catalog's ports."""
