# Two commands do everything: `make demo` and `make test`. Each sets up what it needs in $(VENV) first.

PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $(name))))
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-heavy soak check bench format wheel clean python

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.runtime ## Run the assessment one by one, then as dataflow, and compare
	@$(BIN)/stretto demo

test: $(VENV)/.dev ## Everything that runs in under five minutes
	$(BIN)/python -m pytest -q -m "not heavy"

test-heavy: $(VENV)/.dev ## Kills, big property runs, wheels: under forty minutes
	$(BIN)/python -m pytest -q -m heavy

soak: $(VENV)/.dev ## Two thousand owners killed, in about half an hour
	CRASH_KILLS=1000 $(BIN)/python -m pytest -q -s tests/crash/test_sigkill.py tests/crash/test_sigkill_worlds.py -k random

check: $(VENV)/.dev ## Lint, format, types, structure
	$(BIN)/ruff check src tests bench
	$(BIN)/ruff format --check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## Measure, beside a control in the same minute
	$(BIN)/python -m bench

format: $(VENV)/.dev ## Put the code into its one form
	$(BIN)/ruff check --fix src tests bench
	$(BIN)/ruff format src tests bench

wheel: $(VENV)/.dev ## Build dist/*.whl
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

clean: ## Remove what was made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

python:
	@[ -n "$(PYTHON)" ] || { echo "stretto: Python 3.11 or newer is missing; install it, or name one: make PYTHON=/path/to/python3 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "stretto: the venv module is missing; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.venv: | python
	@echo "stretto: setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/.venv
	@$(PIP) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.venv
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.runtime
