# Works on a machine with Python ≥ 3.11 and make; everything else is installed into .venv from requirements.lock.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
unexport PYTHONDONTWRITEBYTECODE # or each process compiles all it imports: 7 s of CPU, not 2
CODE := benchmarks contexts gateway migrations resolvers schema tests

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): requirements.lock pyproject.toml
	@echo "Installing into $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: install
install: $(INSTALLED) ## Make .venv with everything that is pinned.

.PHONY: run
run: $(INSTALLED) ## Start Prumo with all it needs on http://127.0.0.1:$PORT (8000); Ctrl-C stops it.
	@exec $(BIN)/prumo dev

.PHONY: test
test: $(INSTALLED) ## Run the tests, on real PostgreSQL, S3 and SMTP: minutes.
	@$(BIN)/pytest -n 2 --dist loadfile -m "not exhaustive and not soak"

.PHONY: test-all
test-all: $(INSTALLED) ## Run them with all the generated cases.
	@$(BIN)/pytest -n 2 --dist loadfile

.PHONY: test-fast
test-fast: $(INSTALLED) ## Run those that need no service: the inner loop, under a minute.
	@$(BIN)/pytest -n 2 --dist loadfile --ignore tests/api -m "not services and not thorough and not exhaustive and not soak"

.PHONY: soak
soak: $(INSTALLED) ## Run what takes longer, by hand: 20,000 generated documents, kills under load, ten minutes of requests.
	PRUMO_EXAMPLES=20000 $(BIN)/pytest -n 2 tests/execution
	$(BIN)/pytest -m soak
	$(BIN)/python -m benchmarks --soak 600

.PHONY: format
format: $(INSTALLED) ## Format the code.
	@$(BIN)/ruff check --quiet --fix-only $(CODE) || true
	@$(BIN)/ruff format $(CODE)

.PHONY: lint
lint: $(INSTALLED) ## Format, lint, types, imports between the floors, generated files: all that needs no database.
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m migrations.lint
	$(BIN)/prumo schema --output graphql/schema.graphql --check
	$(BIN)/prumo documents --output graphql/persisted.json --check
	$(BIN)/prumo settings --output docs/settings.md --check
	$(BIN)/prumo authorization --output docs/authorization.md --check
	$(BIN)/prumo codes --output docs/error-codes.md --check
	$(BIN)/prumo messages --folder graphql/messages --check

.PHONY: check
check: lint test-all ## Everything CI runs.

.PHONY: schema
schema: $(INSTALLED) ## Write anew what is generated: the SDL, the persisted manifest, the tables of settings, authority and codes, the keys of the texts.
	@$(BIN)/prumo schema --output graphql/schema.graphql
	@$(BIN)/prumo documents --output graphql/persisted.json
	@$(BIN)/prumo settings --output docs/settings.md
	@$(BIN)/prumo authorization --output docs/authorization.md
	@$(BIN)/prumo codes --output docs/error-codes.md
	@$(BIN)/prumo messages --folder graphql/messages

.PHONY: bench
bench: $(INSTALLED) ## Measure requests: CPU and statements each.
	@$(BIN)/python -m benchmarks

.PHONY: lock
lock: ## Pin the newest versions that pyproject.toml allows.
	@test -x $(BIN)/uv || ($(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --upgrade --all-extras --group dev pyproject.toml --output-file requirements.lock

.PHONY: clean
clean: ## Remove .venv and caches; .prumo, which holds data, stays.
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build
