# `make` or `make help` lists the targets. All of them work from a fresh clone: what is missing gets installed into
# .venv first. The variables that they read are explained in .env.example.
#
# All paths are relative, because make cannot handle a space in the project's own path.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Which Python to make .venv with: 3.11 to 3.13.
PYTHON ?= python3
ARGS ?=
FROM ?=
TO ?=
FILE ?=
SIZE ?=
RING ?=

# Handed on as they were typed: make expands neither "$" in them nor does a shell split them.
export COMETS_ARGS = $(value ARGS)
export COMETS_FROM = $(value FROM)
export COMETS_TO = $(value TO)
export COMETS_FILE = $(value FILE)
export COMETS_SIZE = $(value SIZE)

stack := .venv/bin/python -m include.stack
install := .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes
build_docs := .venv/bin/python -m sphinx -q -W --keep-going -b dirhtml docs docs/_build
compile := .venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-emit-index-url --quiet
check_python := import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 14) else \
	'Error: Python 3.11 to 3.14 is needed; say where it is: make PYTHON=/path/to/python3.12')

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: .venv/installed ## Run the main job from nothing to a printed leaderboard (TIKHUB_API_KEY=... for real data)
	@$(stack) demo

.PHONY: up
up: .venv/installed ## Serve the whole stack with Airflow's UI until Ctrl-C (COMETS_UI_PORT=8080)
	@$(stack) up

.PHONY: distributed
distributed: .venv/installed ## The same with Redis and two Celery workers as separate processes
	@$(stack) distributed

.PHONY: status
status: .venv/installed ## Print what runs, where, and what the last run gave
	@$(stack) status

.PHONY: backup
backup: .venv/installed ## Save the embedded database of real creators (FILE=name)
	@$(stack) backup "$$COMETS_FILE"

.PHONY: restore
restore: .venv/installed ## Restore it: make restore FILE=name (FORCE=1 replaces real creators)
	@$(stack) restore $(if $(FORCE),--force) "$$COMETS_FILE"

.PHONY: check
check: .venv/installed ## Check key, balance, database, Airflow and notices (NOTICE=1 sends a test message)
	@$(stack) check $(if $(NOTICE),--notice)

.PHONY: leaderboard
leaderboard: .venv/installed ## Print the leaderboard of the newest day that was run
	@$(stack) leaderboard

.PHONY: test
test: $(if $(RING),.venv/installed-dev,lint) ## Check style and types, then run all tests (RING=unit|sql|dags|stack: only those)
	$(if $(filter-out unit sql dags stack,$(RING)),$(error RING is unit, sql, dags or stack))
	@.venv/bin/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder $(if $(RING),-m $(RING))

.PHONY: lint
lint: .venv/installed-dev ## Check style and types of Python and SQL, and the links of the docs
	@.venv/bin/python -m ruff check --quiet .
	@.venv/bin/python -m ruff format --quiet --check .
	@.venv/bin/python -m mypy --no-error-summary
	@report=$$(PYTHONPATH=plugins:. .venv/bin/lint-imports --no-logo --no-cache) || { echo "$$report"; exit 1; }
	@.venv/bin/python -m sqlfluff lint --quiet include/sql
	@$(build_docs)

.PHONY: docs
docs: .venv/installed-dev ## Renew docs/reference from the code, then build the docs as a site in docs/_build
	@.venv/bin/python -m docs.generate
	@$(build_docs)

.PHONY: airflow
airflow: .venv/installed ## Run Airflow's command line: make airflow ARGS="dags list"
	@$(stack) airflow-line "$$COMETS_ARGS"

.PHONY: env
env: .venv/installed ## Print the environment for a shell: eval "$(make -s env)", then: airflow ...
	@$(stack) env

.PHONY: backfill
backfill: .venv/installed ## Run missed days on the running stack: make backfill FROM=2026-03-01 TO=2026-03-07
	@$(stack) backfill "$$COMETS_FROM" "$$COMETS_TO"

.PHONY: bench
bench: .venv/installed-bench ## Measure and print ratios (SIZE=full for the sizes of docs/explanation/speed.md, ARGS="growth job" for some)
	@.venv/bin/python -m tests.benchmarks $(ARGS)

.PHONY: setup-database
setup-database: .venv/installed ## Run include/sql/setup_database.sql on the configured creators' database
	@$(stack) setup-database

.PHONY: lock
lock: .venv/installed-dev ## Renew requirements*.txt from pyproject.toml (ARGS=--upgrade for newer versions)
	@$(compile) pyproject.toml -o requirements.txt $(ARGS)
	@$(compile) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt $(ARGS)
	@$(compile) --group bench -c requirements-dev.txt -o requirements-bench.txt $(ARGS)

.PHONY: install
install: .venv/installed ## Make .venv and install requirements.txt into it
	@:

.PHONY: clean
clean: .venv/installed ## Remove databases, logs and keys (the state folder); asks before real data go (FORCE=1)
	@$(stack) clean $(if $(FORCE),--force)

# An interrupted installation leaves no stamp and is done again, as it is when the Python behind .venv is gone.
.PHONY: gone
.venv/installed: requirements.txt requirements-pip.txt $(if $(shell .venv/bin/python -c "" >/dev/null 2>&1 && echo works),,gone)
	@$(PYTHON) -c "$(check_python)"
	@.venv/bin/python -c "" 2>/dev/null || $(PYTHON) -m venv --clear .venv || \
		{ echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing requirements.txt into .venv; the first time this takes a minute or more." >&2
	@$(install) -r requirements-pip.txt
	@$(install) -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	@$(install) -r requirements-dev.txt
	@touch $@

.venv/installed-bench: requirements-bench.txt .venv/installed-dev
	@$(install) -r requirements-bench.txt
	@touch $@
