# `make help` lists what there is. Everything is safe to run again.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

BIN := .venv/bin
PYTEST := $(BIN)/pytest

.PHONY: help
help: ## list these
	@echo "make ...   (PYTHON=/path/to/python3 chooses the interpreter)"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1 \2/p' $(MAKEFILE_LIST) | while read -r name text; do printf '  %-11s %s\n' "$$name" "$$text"; done

.PHONY: setup
setup: ## system packages, .venv, pinned dependencies, the pjsua2 wheel: what running needs
	@scripts/setup

.PHONY: demo
demo: setup ## set up, then call 200 simulated people on loopback and show what came of it
	@$(BIN)/dialer demo

.PHONY: test
test: setup-test lint types imports ## set up with Asterisk and SIPp, then lint, types, import rules and every test
	@$(PYTEST)

.PHONY: unit
unit: setup-dev ## the quick tests, which need no peer
	@$(PYTEST) tests/unit

.PHONY: bench
bench: setup-test ## every figure, peers in the same run: bench/results.md (20 minutes)
	@scripts/asterisk tree >/dev/null
	@$(BIN)/python -m bench.all

.PHONY: bench-quick
bench-quick: setup-test ## every bench in its smallest form, for a look: .state/bench-quick.md (three minutes)
	@scripts/asterisk tree >/dev/null
	@$(BIN)/python -m bench.all --quick

.PHONY: curves
curves: setup-test ## how costs grow, to a million contacts and a whole registry: docs/curves.svg (15 minutes)
	@$(BIN)/python -m bench.curves --full --svg docs/curves.svg

.PHONY: soak
soak: setup-test ## 20,000 calls through one agent: what engine and agent hold on to (ten minutes)
	@$(BIN)/python -m tests.chaos.soak

.PHONY: lint
lint: setup-dev ## ruff: rules and formatting
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

.PHONY: types
types: setup-dev ## mypy --strict over src, tests and bench
	@$(BIN)/mypy

.PHONY: imports
imports: setup-dev ## which room may import which
	@$(BIN)/lint-imports --cache-dir .state/import-linter

.PHONY: format
format: setup-dev ## rewrite the sources as `make lint` wants them
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

.PHONY: lock
lock: ## pin requirements*.in anew (needs python3.11 and python3.13; LOCK=--upgrade takes newer versions)
	@scripts/lock $(LOCK)

.PHONY: clean
clean: ## remove caches and build leftovers
	@rm -rf .state build dist
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## remove .venv as well
	@rm -rf .venv

.PHONY: setup-dev setup-test
setup-dev:
	@scripts/setup --dev
setup-test:
	@scripts/setup --test
