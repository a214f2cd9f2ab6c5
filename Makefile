# `make help` lists the targets.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export DAGSTER_DISABLE_TELEMETRY := 1

# Tests of pure functions and of single files: no server, browser, Dagster instance or built models.
QUICK := $(addprefix analytics_pipeline_tests/, ingest loading/test_history.py orchestration/test_load_requests.py \
  orchestration/test_incidents.py orchestration/test_plots.py test_sql_is_never_made_of_data.py test_words.py \
  vocareum/test_credentials.py warehouse/test_damaged_log.py)
PARALLEL := -n 4 --dist loadfile --no-loadscope-reorder --durations 15

.PHONY: help setup demo dev docs test thorough quick flaky soak leaks lake bench check package screenshots audit lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: .venv/.ready ## create .venv with the analytics-pipeline command

.venv/.ready: bootstrap.lock requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement bootstrap.lock
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q analytics_pipeline  # saves a quarter of a second per start where Python can't write bytecode
	@touch $@

demo: setup ## simulate an organisation, load it, and print the next steps
	$(BIN)/analytics-pipeline demo

dev: setup ## start the Dagster UI on http://127.0.0.1:3000, with its daemon
	$(BIN)/analytics-pipeline dev

test: setup ## tests of everything, four at a time (they wait as much as they work)
	$(BIN)/python -m pytest $(PARALLEL)

thorough: setup ## the expensive tests that `make test` leaves out: more forms, more orders, more journeys
	$(BIN)/python -m pytest $(PARALLEL) -m "thorough and not slow"

quick: setup ## tests that need no server, browser, Dagster instance or built models: half a minute on two quiet cores
	$(BIN)/python -m pytest -n 2 --dist loadfile -q $(QUICK)

flaky: setup ## the tests ten times: busy cores, one and six workers, midnight, ends of months, 29 February (needs faketime)
	$(BIN)/python .ci/flaky.py $(TESTS)

soak: setup ## the long suites: kills, faults, load, fuzz
	$(BIN)/python -m pytest -m slow --timeout 7200

leaks: setup ## search what the last run of the tests left for personal data and secrets
	$(BIN)/python -m analytics_pipeline_tests.support.leftovers

lake: setup ## the tests of warehouse, loading and models once more, on a DuckLake (needs PostgreSQL)
	$(BIN)/python -m pytest -n 2 --dist loadfile --backend lake -m "not slow" --timeout 1200 $(addprefix analytics_pipeline_tests/, warehouse loading sql_models)

bench: setup ## measure against DuckDB, dlt, the AWS CLI and plain Dagster, then the forecast; writes benchmarks/RESULTS.md and FORECAST.md
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.forecast

check: setup audit docs ## lint, types, layers, definitions, the documentation's links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --disable-progress-bar --nocolor dbt_like_sql analytics_pipeline/report/sql
	VIRTUAL_ENV=$(abspath .venv) $(BIN)/dg check defs

docs: setup ## build the documentation site in build/docs; a broken link fails
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html docs build/docs

package: setup ## build the wheel, install it with the highest and the lowest dependencies, run the demo with each
	$(BIN)/python .ci/package.py

screenshots: setup ## retake the screenshots of the README (needs chromium)
	ANALYTICS_DATA_DIR=.artifacts/demo $(BIN)/analytics-pipeline demo
	ANALYTICS_DATA_DIR=.artifacts/demo $(BIN)/analytics-pipeline report
	$(BIN)/python docs/screenshots.py .artifacts/demo/report.html docs/images

audit: setup ## look for known vulnerabilities of the pinned dependencies
	@$(BIN)/python .ci/audit.py

lock: ## pin every dependency with hashes in requirements.lock, and uv, which installs them, in bootstrap.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --extra demo --extra lake --extra workers --group dev --python-version 3.11 pyproject.toml --output-file requirements.lock
	echo "uv>=0.13,<0.14" | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --python-version 3.11 - --output-file bootstrap.lock

clean: ## remove the environment and the tools' caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
