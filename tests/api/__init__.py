"""The whole of it: the shipped operations over HTTP, on real PostgreSQL and S3, with the demo data."""
