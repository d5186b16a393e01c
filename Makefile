# `make run` and `make test` need Python 3.11 or newer, git and make, and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(VENV)/.installer
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
PAGES := tests/browser
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run work test test-pg check bench browser-ready format lock clean

help: ## show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(RUNTIME) ## set everything up and serve the dashboard (HOST, PORT and DATA_DIR are honoured)
	@MODEL_FALLBACK=$${MODEL_FALLBACK-demo} exec $(BIN)/python manage.py serve

work: $(RUNTIME) ## start a worker of its own, beside a server started with WORKER=off
	@MODEL_FALLBACK=$${MODEL_FALLBACK-demo} exec $(BIN)/python manage.py work

test: check browser-ready ## install what the tests need and pass them
	@$(BIN)/python scripts/test.py --workers $(WORKERS)

test-pg: $(DEVELOPMENT) browser-ready ## the same suite on the PostgreSQL that DATABASE_URL names
	@test -n "$$DATABASE_URL" || { echo "test-pg needs DATABASE_URL, such as postgresql://postgres@127.0.0.1/postgres"; exit 2; }
	@$(BIN)/python scripts/test.py --workers $(WORKERS)

check: $(DEVELOPMENT) ## format, lint, types, import contracts, templates, migrations
	@$(BIN)/ruff format --check -q . || { echo "Run make format."; exit 1; }
	@$(BIN)/ruff check -q .
	@find templates -name '*.html' -print0 | xargs -0 $(BIN)/djade --target-version 5.2 --check
	@$(BIN)/lint-imports --no-cache > $(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
	@$(BIN)/mypy dashboard tests
	@DATA_DIR=$(VENV)/check $(BIN)/python manage.py makemigrations --check --dry-run
	@DATA_DIR=$(VENV)/check $(BIN)/python manage.py check

bench: $(DEVELOPMENT) ## measure: first token, token delay, runs per second, memory, start-up
	@$(BIN)/python -m tests.bench

format: $(DEVELOPMENT) ## put code and templates into shape
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q --fix .
	@find templates -name '*.html' -print0 | xargs -0 $(BIN)/djade --target-version 5.2

lock: $(DEVELOPMENT) ## resolve the dependencies again and write the hashed lock files
	@$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements-dev.lock
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -q -c requirements-dev.lock -o requirements.lock

clean: ## remove the virtual environment and caches, not the data
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache test-results

browser-ready: $(DEVELOPMENT)
	@$(BIN)/python scripts/browser.py

# uv installs in seconds; where it has no build for the machine, pip does the same from the same hashed list.
$(INSTALL): requirements-uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Signalbox needs Python 3.11 or newer; this is $$($(PYTHON) --version)."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.lock || echo "uv is not to be had here; pip will install instead."
	@touch $@

$(RUNTIME): requirements.lock $(INSTALL)
	@test -e $(DEVELOPMENT) || { echo "Installing (the first time takes a minute)…"; $(call install,requirements.lock); }
	@touch $@

$(DEVELOPMENT): requirements-dev.lock $(INSTALL)
	@echo "Installing what development and tests need…"
	@$(call install,requirements-dev.lock)
	@touch $@

define install
if test -x $(BIN)/uv; then VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --require-hashes -r $(1); \
else $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r $(1); fi
endef
