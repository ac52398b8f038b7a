"""The bounded contexts. Each one has a single door, its `api` module; see docs/adr/0001-context-map.md."""
