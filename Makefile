# One vocabulary of tasks for people, hooks and CI. `make` alone prints it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := flows governance models data_contracts infra simulation
# every task starts many processes: what they import is compiled once, and not again in each of them
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test check format bench docs stack clean lock

help: ## print these tasks
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# uv installs a hashed lock in seconds; it is itself installed from a hash.
$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "no python3.11 found: install Python 3.11 or run make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt

$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/uv
	@echo "installing what running needs (once)"
	@test -f $(VENV)/.dev || $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/run.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt requirements/run.txt pyproject.toml | $(BIN)/uv
	@echo "installing what the tests and checks need (once)"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@ $(VENV)/.run

demo: $(VENV)/.run ## the whole loop for three ROCUs on a synthetic world
	$(BIN)/findprofile demo

# three processes on two cores: each waits for servers and disks a fifth of its time
test: $(VENV)/.dev ## run the tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev ## ruff, mypy strict, import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/lint-imports

format: $(VENV)/.dev ## put the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## measure against the named alternatives, rewrite the tables in benchmarks/
	$(BIN)/python -m benchmarks

docs: $(VENV)/.dev ## regenerate the reference pages made from code
	$(BIN)/python docs/generate.py

stack: $(VENV)/.dev ## the national profile on this machine: PostgreSQL, MLflow with sign-in, Prefect and its workers
	$(BIN)/python -m infra.stack

lock: $(BIN)/uv ## resolve the dependencies again, with hashes
	$(BIN)/uv pip compile pyproject.toml --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet -o requirements/run.txt
	$(BIN)/uv pip compile pyproject.toml --extra test --extra check --extra bench --extra browser --extra s3 -c requirements/run.txt --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet -o requirements/dev.txt

clean: ## remove what was built here (the environment and the demo's home folder)
	rm -rf $(VENV) .findprofile* build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
