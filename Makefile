# Everything a user types. `make help` lists it; each target sets up what it needs.

.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p && break; done)
BIN := .venv/bin
PORT ?= 3000
DEV_HOST ?= 127.0.0.1
export DATAPLATFORM_PROJECT ?= $(CURDIR)

.PHONY: help setup browser run dev start stop restart status logs test quick lint bench prove clean

help: ## Show this list.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: .venv/.ready ## Make .venv with everything the project needs.

.venv/.ready: requirements.lock pyproject.toml
	@PYTHON=$(PYTHON) .ci/setup

browser: setup
	@.ci/browser

run: setup ## Start the servers, sync, build, check, publish, report. Exit code 1 on a failed check.
	@$(BIN)/dataplatform run $(ARGS)

dev: setup ## Start the servers and Dagster's user interface on port 3000, with the history of `make run`.
	@$(BIN)/dataplatform servers start
	@DAGSTER_HOME=$$($(BIN)/python -m dataplatform.runtime.home --of-project) \
		$(BIN)/dagster dev --host $(DEV_HOST) --port $(PORT)

start: setup ## Start the local servers.
	@$(BIN)/dataplatform servers start

stop: setup ## Stop the local servers.
	@$(BIN)/dataplatform servers stop

restart: setup ## Restart the local servers.
	@$(BIN)/dataplatform servers restart

status: setup ## Show the local servers and how the tables stand.
	@$(BIN)/dataplatform status

logs: setup ## Show the end of the servers' logs.
	@$(BIN)/dataplatform servers logs

test: setup browser ## Lint, then run the tests.
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest -m "not prove" $(ARGS)

quick: setup ## The tests that need no server.
	@$(BIN)/pytest -m "not slow and not prove" $(ARGS)

lint: setup ## Style, types, layer laws, SQL, contracts.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q . || (echo "Run: .venv/bin/ruff format ." && exit 1)
	@$(BIN)/lint-imports --config .importlinter | tail -n 4
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint -q dbt_project/models dbt_project/tests
	@$(BIN)/dataplatform contract lint

bench: setup ## Measure, each figure a ratio against its peer; prints targets beside.
	@$(BIN)/python -m benchmarks $(ARGS)

prove: setup browser ## The long proofs in full: kills, parity, memory.
	@$(BIN)/pytest -m "prove" --timeout=3600 $(ARGS)

clean: ## Stop the servers and delete .venv, .dataplatform (all local data) and caches.
	@echo "Deleting .venv, .dataplatform (warehouse, demo data, history, reports) and caches."
	@if [ -x $(BIN)/dataplatform ]; then for file in config/environments/local*.yml; do \
		DATAPLATFORM_ENV=$$(basename $$file .yml) $(BIN)/dataplatform servers stop; done; fi
	@rm -rf .venv .venv-* .dataplatform .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
