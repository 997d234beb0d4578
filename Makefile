# Needs Python 3.11 to 3.13, make and a package index. Everything is installed into .venv.

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	2>/dev/null && echo $$python && break; done)

BIN := .venv/bin
READY := .venv/ready
GATED := src/nurture/core/*,src/nurture/project/*,src/nurture/store/*

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint test-contracts bench bench-score bench-send chaos outage lock clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Install everything into .venv

# The lock names every package, so pip need not look for more: that is quicker, and `pip check` proves it.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 with venv found; name one: make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --no-compile --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -qq --no-compile --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check
	$(BIN)/python -m compileall -q -j 0 .venv/lib
	@touch $@

demo: $(READY) ## Show a whole programme at work, from first form to handoff
	$(BIN)/nurture demo

lint: $(READY) ## Check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint ## Check, then test on SQLite and PostgreSQL, with the coverage floor
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadgroup --cov --cov-report=
	$(BIN)/coverage report --include='$(GATED)' --fail-under=95

test-contracts: $(READY) tests/contracts/node_modules/ready ## Test against other people's programs (Node, Debian packages)
	$(BIN)/python -m pytest -m contracts tests/contracts

tests/contracts/node_modules/ready: tests/contracts/package-lock.json
	cd tests/contracts && npm ci --no-audit --no-fund
	@touch $@

bench: $(READY) ## Measure speed
	$(BIN)/python bench/run.py

bench-score: $(READY) ## Measure rescoring of a million leads (SCORE="--leads 50000 --events 500000" is quicker)
	$(BIN)/python bench/score.py $(SCORE)

bench-send: $(READY) ## Measure rendering, handing over and a whole tick against bare loops
	$(BIN)/python bench/send.py $(SEND)

chaos: $(READY) ## Break everything at random and check that no promise is broken
	$(BIN)/python -m tests.chaos.run

outage: $(READY) ## Live through three days without a provider, with 50,000 mails due
	$(BIN)/python -m tests.chaos.outage

# The resolver lives in a folder of its own: it is a tool for this file, not a part of the project.
COMPILE = .lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(LOCKFLAGS)

lock: ## Pin what pyproject.toml asks for (LOCKFLAGS=--upgrade takes the newest)
	$(PYTHON) -m venv .lock
	.lock/bin/python -m pip install -qq uv
	$(COMPILE) --extra dev --output-file requirements.lock pyproject.toml
	cp requirements.lock requirements-run.lock
	$(COMPILE) --extra build --output-file requirements-run.lock pyproject.toml

clean: ## Remove everything that was made here
	rm -rf .venv .lock .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
		build dist tests/contracts/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
