# `make help` lists the targets; .env.example documents their variables.
# Paths are relative because make cannot handle a space in the project's path.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
ARGS ?=
FROM ?=
TO ?=
FILE ?=
KEEP ?=
SIZE ?=
RESET ?=
RING ?=

# Passed as typed: neither make nor a shell expands "$" in them.
export COMETS_ARGS = $(value ARGS)
export COMETS_FROM = $(value FROM)
export COMETS_TO = $(value TO)
export COMETS_FILE = $(value FILE)
export COMETS_SIZE = $(value SIZE)
export COMETS_RESET = $(value RESET)

stack := .venv/bin/python -m include.stack
install := .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes
build_docs := .venv/bin/python -m sphinx -q -W --keep-going -b dirhtml docs docs/_build
compile := .venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-emit-index-url --quiet
check_python := import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 14) else \
	'Error: Python 3.11 to 3.14 is required; choose one with make PYTHON=/path/to/python3.12')

.PHONY: help
help: ## List targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: .venv/installed ## Run the pipeline and print a leaderboard (real data: TIKHUB_API_KEY in .env)
	@$(stack) demo

.PHONY: up
up: .venv/installed ## Start the stack with Airflow's UI; Ctrl-C stops it (COMETS_UI_PORT=8080)
	@$(stack) up

.PHONY: distributed
distributed: .venv/installed ## Start the stack with Redis and two Celery workers
	@$(stack) distributed

.PHONY: status
status: .venv/installed ## Show running services and the last run
	@$(stack) status

.PHONY: logins
logins: .venv/installed ## Show users and passwords of Airflow's UI (RESET=name sets a new password)
	@$(stack) logins "$$COMETS_RESET"

.PHONY: backup
backup: .venv/installed ## Back up both databases and the keys (FILE=name; KEEP=14 deletes older ones)
	@$(stack) backup $(if $(KEEP),--keep "$(KEEP)") "$$COMETS_FILE"

.PHONY: restore
restore: .venv/installed ## Restore a backup (FILE=name; FORCE=1 replaces real creators)
	@$(stack) restore $(if $(FORCE),--force) "$$COMETS_FILE"

.PHONY: doctor
doctor: .venv/installed ## Check everything that the daily runs need (NOTICE=1 sends a notification)
	@$(stack) doctor $(if $(NOTICE),--notice)

.PHONY: leaderboard
leaderboard: .venv/installed ## Print the latest leaderboard
	@$(stack) leaderboard

.PHONY: test
test: $(if $(RING),.venv/installed-dev,lint) ## Lint, then run all tests (RING=unit|sql|dags|stack runs one ring)
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
docs: .venv/installed-dev ## Generate docs/reference and build the docs in docs/_build
	@.venv/bin/python -m docs.generate
	@$(build_docs)

.PHONY: airflow
airflow: .venv/installed ## Run Airflow's CLI: make airflow ARGS="dags list"
	@$(stack) airflow-line "$$COMETS_ARGS"

.PHONY: env
env: .venv/installed ## Print the environment for a shell: eval "$(make -s env)"
	@$(stack) env

.PHONY: backfill
backfill: .venv/installed ## Run missed dates on the running stack (FROM=2026-03-01 TO=2026-03-07)
	@$(stack) backfill "$$COMETS_FROM" "$$COMETS_TO"

.PHONY: bench
bench: .venv/installed-bench ## Run benchmarks (SIZE=full for the documented sizes, ARGS="growth job")
	@.venv/bin/python -m tests.benchmarks $(ARGS)

.PHONY: setup-database
setup-database: .venv/installed ## Apply include/sql/setup_database.sql to the configured database
	@$(stack) setup-database

.PHONY: repair-readings
repair-readings: .venv/installed ## Repair readings that a wrong clock has put into the future
	@$(stack) repair-readings

.PHONY: clean-metadata
clean-metadata: .venv/installed ## Delete old runs and logs from Airflow's own database (retention.airflow_days)
	@$(stack) clean-metadata

.PHONY: traces
traces: .venv/installed ## Look for what is left of an erased creator, in databases and logs (asks for its names)
	@$(stack) traces

.PHONY: lock
lock: .venv/installed-dev ## Update requirements*.txt (ARGS=--upgrade for newer versions)
	@$(compile) pyproject.toml -o requirements.txt $(ARGS)
	@$(compile) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt $(ARGS)
	@$(compile) --group bench -c requirements-dev.txt -o requirements-bench.txt $(ARGS)

.PHONY: install
install: .venv/installed ## Create .venv and install requirements.txt
	@:

.PHONY: clean
clean: .venv/installed ## Delete databases, logs and keys (FORCE=1 includes real creators)
	@$(stack) clean $(if $(FORCE),--force)

# "gone" forces a new installation when the Python behind .venv no longer works.
.PHONY: gone
.venv/installed: requirements.txt requirements-pip.txt $(if $(shell .venv/bin/python -c "" >/dev/null 2>&1 && echo works),,gone)
	@$(PYTHON) -c "$(check_python)"
	@.venv/bin/python -c "" 2>/dev/null || $(PYTHON) -m venv --clear .venv || \
		{ echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing requirements.txt into .venv (a minute or more the first time)..." >&2
	@$(install) -r requirements-pip.txt
	@$(install) -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	@$(install) -r requirements-dev.txt
	@touch $@

.venv/installed-bench: requirements-bench.txt .venv/installed-dev
	@$(install) -r requirements-bench.txt
	@touch $@
