# Everything runs in .venv, which is made on first use. PYTHON names another interpreter (3.11 to 3.13).
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$p && break; done)
BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-sdks test-real soak fuzz lint format type bench docs docs-check lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/.installed: pyproject.toml requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "otel-llm needs Python 3.11, 3.12 or 3.13 on PATH"; exit 1; }
	@echo "==> setting up .venv with $(PYTHON) (once, about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: .venv/.installed ## See real LLM calls with cost, flags and an alert (ARGS=--once: print and exit)
	@$(BIN)/python -m examples.demo $(ARGS)

test: .venv/.installed ## The suite: no key, no outside server, a few minutes
	$(BIN)/python -m pytest -n auto -m "not real" $(ARGS)

test-sdks: .venv/.installed ## The instrumentation tests against the oldest and other SDK versions
	$(BIN)/python -m tests.sdks $(ARGS)

test-real: .venv/.installed ## Against heavy real parts; installs what it needs
	tests/real/install.sh
	$(BIN)/python -m pytest -m real $(ARGS)

soak: .venv/.installed ## The long fault test of the collector
	$(BIN)/python -m tests.soak $(ARGS)

fuzz: .venv/.installed ## Every decoder, fed with what nobody sends on purpose (ARGS="--seconds 60")
	$(BIN)/python -m tests.fuzz $(ARGS)

lint: .venv/.installed ## Style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/.installed ## Put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type: .venv/.installed ## Types, strict on src
	$(BIN)/pyright

bench: .venv/.installed ## What the project claims about speed, measured against floors in the same run
	$(BIN)/python -m benchmarks $(ARGS)

docs: .venv/.installed ## Write the generated reference pages
	$(BIN)/python -m docs.generate

docs-check: .venv/.installed ## Generated pages are current, links and code blocks hold
	$(BIN)/python -m docs.generate --check
	$(BIN)/python -m pytest -q tests/docs

lock: .venv/.installed ## Pin what development uses (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
		--extra collector --extra fast --group dev pyproject.toml --output-file requirements/dev.txt

clean: ## Remove what make made
	rm -rf .venv .venvs .sdks .demo .pytest_cache .ruff_cache build dist
