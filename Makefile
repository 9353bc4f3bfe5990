# The commands of the house.  `make run` and `make test` need git, make and Python 3.11 or newer, and nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

.PHONY: help run test fast explore coverage check format bench lock

help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

run: ## Start Candor: web and worker, on http://localhost:8000
	@tools/environment run
	@exec $(BIN)/candor up

test: ## Set up what the tests need and run them all, on SQLite and on PostgreSQL
	@tools/environment test
	@tools/system_packages
	@tools/run_tests $(TESTS)

fast: ## Lint, types, import contracts, and the tests that need no database, browser or process: under two minutes
	@tools/environment test
	@tools/lint
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m "not database and not browser and not faults" $(TESTS)

explore: ## Let hypothesis look for examples that no test has tried yet
	@tools/environment test
	$(BIN)/python -m pytest -n 2 -q -m hypothesis --hypothesis-profile=explore tests

coverage: ## Which branches of app/ the tests in this process never take
	@tools/environment test
	@tools/system_packages
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m "not faults" --cov --cov-branch --cov-report=term-missing:skip-covered

check: ## Format, lint, types, import contracts, templates, then the tests
	@tools/environment test
	@tools/lint
	@tools/system_packages
	@tools/run_tests $(TESTS)

format: ## Format code and templates
	@tools/environment test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: ## Publishing, page requests, slow readers, fan-out, Lighthouse: figures and ratios
	@tools/environment test
	@tools/system_packages
	$(BIN)/python -m bench.publish
	$(BIN)/python -m bench.page
	$(BIN)/python -m bench.readers
	$(BIN)/python -m bench.fanout
	$(BIN)/python -m bench.everyone
	$(BIN)/python -m bench.lighthouse

lock: ## Lock the dependencies again, with hashes; pins stay as they are unless UPGRADE=--upgrade
	@tools/environment test
	$(COMPILE) $(UPGRADE) pyproject.toml -o requirements.lock
	$(COMPILE) $(UPGRADE) --group dev pyproject.toml -c requirements.lock -o requirements-dev.lock
	$(COMPILE) $(UPGRADE) --group build -c requirements-dev.lock -o requirements-build.lock
