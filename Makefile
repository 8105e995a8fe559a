# Everything a developer types. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DOCS_VENV := .venv/docs
READY := $(VENV)/.ready
NODE_READY := $(if $(shell command -v npm),tests/node/node_modules/.ready)
DOCS_READY := $(DOCS_VENV)/.ready
EXPORTS_VENV := .venv/exports
EXPORTS_READY := $(EXPORTS_VENV)/.ready
export PIP_DISABLE_PIP_VERSION_CHECK := 1

$(READY): requirements/test.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Daypass needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "setting up $(VENV) (first time: about a minute)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/test.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# The JavaScript clients that tests drive, where npm is; without it those tests are skipped and say so.
tests/node/node_modules/.ready: tests/node/package-lock.json
	@echo "setting up tests/node"
	@npm ci --prefix tests/node --silent --no-audit --no-fund && touch $@ || echo "npm could not install the JavaScript clients; their tests are skipped"

# The AWS CLI pins an old docutils, so the documentation is built in an environment of its own.
$(DOCS_READY): requirements/docs.txt $(READY)
	@echo "setting up $(DOCS_VENV)"
	@test -x $(DOCS_VENV)/bin/pip || $(PYTHON) -m venv $(DOCS_VENV)
	@$(DOCS_VENV)/bin/python -m pip install --quiet --require-hashes -r requirements/docs.txt
	@touch $@

# Pulumi, the CDK for Python and Terraform's loader are a gigabyte, and pin other versions than we do.
$(EXPORTS_READY): requirements/exports.txt $(READY)
	@echo "setting up $(EXPORTS_VENV) (some minutes)"
	@test -x $(EXPORTS_VENV)/bin/pip || $(PYTHON) -m venv $(EXPORTS_VENV)
	@$(EXPORTS_VENV)/bin/python -m pip install --quiet --require-hashes -r requirements/exports.txt
	@touch $@

.PHONY: help
help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | while IFS=$$'\t' read -r name about; do printf '  make %-15s %s\n' "$$name" "$$about"; done

.PHONY: setup
setup: $(READY) ## install everything into .venv

.PHONY: demo
demo: $(READY) ## run the whole journey unattended, from nothing to AWS credentials
	@PATH="$(CURDIR)/$(BIN):$$PATH" demo/journey.sh

.PHONY: up
up: $(READY) ## start the identity provider and the local AWS with a demo organization
	@exec $(BIN)/daypass up

.PHONY: test
test: $(READY) $(NODE_READY) ## run the tests, one process per core
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n auto --dist loadfile

.PHONY: emulators
emulators: ## install the emulators of other clouds that some tests drive, where npm is
	@npm ci --prefix tests/emulators --silent --no-audit --no-fund || echo "npm could not install the emulators; their tests are skipped"

.PHONY: mutants
mutants: $(READY) ## break one line of the source for each threat, and see that its test fails: some minutes
	@PYTHONPATH=tests $(BIN)/python -m mutations

.PHONY: soak
soak: $(READY) ## the tests that repeat, at length: parallel logins and processes, fuzzing, random policies
	@PATH="$(CURDIR)/$(BIN):$$PATH" DAYPASS_LOGIN_ROUNDS=50 $(BIN)/python -m pytest -q tests/cli/test_idp.py -k twelve_logins
	@PATH="$(CURDIR)/$(BIN):$$PATH" DAYPASS_FUZZ_SECONDS=150 DAYPASS_RANDOM_POLICIES=20000 $(BIN)/python -m pytest -q tests/localaws/test_fuzz.py tests/localaws/test_random_policies.py

	@PATH="$(CURDIR)/$(BIN):$$PATH" DAYPASS_API_EXAMPLES=200 $(BIN)/python -m pytest -q tests/web/test_schemathesis.py
	@PATH="$(CURDIR)/$(BIN):$$PATH" DAYPASS_PARALLEL_LOGINS=100 DAYPASS_HOLDING_PROCESSES=200 $(BIN)/python -m pytest -q tests/journey/test_ways_of_holding.py tests/cli/test_holding.py

.PHONY: soak-login
soak-login: $(READY) ## a long job in real time: 200 processes, 15-minute sessions, 30 minutes
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/soak_login.py

.PHONY: soak-compressed
soak-compressed: $(READY) $(NODE_READY) ## a job of twelve hours, servers and clients under one accelerated clock: some minutes
	@PATH="$(CURDIR)/$(BIN):$$PATH" DAYPASS_JOB_HOURS=12 $(BIN)/python -m pytest -q -s -rs tests/journey/test_accelerated_job.py

.PHONY: exports-check
exports-check: $(READY) $(NODE_READY) $(EXPORTS_READY) ## run what `daypass aws export` writes in Pulumi, the CDK for Python and Terraform's loader
	@PATH="$(CURDIR)/$(BIN):$$PATH" DAYPASS_EXPORTS_PYTHON="$(CURDIR)/$(EXPORTS_VENV)/bin/python" $(BIN)/python -m pytest -q tests/aws/exporting

.PHONY: conformance
conformance: $(READY) ## ask the local AWS, and moto beside it, all that was asked of AWS; write docs/reference/conformance.md
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python docs/compare.py

.PHONY: check
check: $(READY) $(DOCS_READY) ## format, lint, types, layers, docs: nothing is changed
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python docs/generate.py --check
	@$(BIN)/python integrations/weave.py --check
	@$(DOCS_VENV)/bin/python -m sphinx -q -W --keep-going -b html docs docs/_build

.PHONY: format
format: $(READY) ## format and fix what a machine can, and write the generated docs again
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/python docs/generate.py
	@$(BIN)/python integrations/weave.py

.PHONY: coverage
coverage: $(READY) $(NODE_READY) ## run the tests and tell which lines and branches they reach
	@rm -f .coverage .coverage.*
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m coverage run -m pytest -n auto --dist loadfile
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

.PHONY: bench
bench: $(READY) ## measure the hot paths, as ratios against limits and peers of the same run
	@if command -v npm >/dev/null; then npm ci --prefix bench/node --silent --no-audit --no-fund || echo "npm could not install the peer; it is left out"; fi
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m bench

.PHONY: lock
lock: ## resolve the dependencies again and write the hash-pinned lock files
	@test -x .venv/lock/bin/uv || { $(PYTHON) -m venv .venv/lock && .venv/lock/bin/python -m pip install --quiet uv; }
	@compile() { .venv/lock/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet "$$@" >/dev/null; }; \
	compile --all-extras -o requirements/run.txt; \
	compile --all-extras --group test -c requirements/run.txt -o requirements/test.txt; \
	compile --group docs -c requirements/run.txt -o requirements/docs.txt; \
	compile --group exports -o requirements/exports.txt

.PHONY: clean
clean: ## remove what make made
	@rm -rf $(VENV) tests/node/node_modules tests/emulators/node_modules docs/_build .coverage* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
