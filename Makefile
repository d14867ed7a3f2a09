# Everything here works on a machine that has python3 (>= 3.11, with venv), make and git.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := demo

VENV := .venv
BIN := $(VENV)/bin
UV := $(VENV)/uv/bin/uv
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Hard links fail between file systems and uv then warns at length; copies always work.
export UV_LINK_MODE := copy
# The system's certificates: behind a company's proxy, or with its own authority, uv's built-in list refuses every package.
export UV_SYSTEM_CERTS := true
# Once here instead of in the first jobs, or in every one where PYTHONDONTWRITEBYTECODE is set: importing torch takes twice as long without.
export UV_COMPILE_BYTECODE := 1

.PHONY: demo env docs test lint format lock pull clean

demo: env ## the comparison that config/demo describes, from clips to report
	snakemake --replace-workflow-config --configfile config/demo/config.yaml
	@echo "The report is at $(CURDIR)/results/report/index.html"

env: $(VENV)/ready ## the environment alone

$(VENV)/ready: requirements.txt pyproject.toml
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "onereel needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	test -x $(UV) || { python3 -m venv $(VENV)/uv && $(VENV)/uv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-uv.txt; }
	test -x $(BIN)/python || $(UV) venv --quiet --allow-existing --python "$$(command -v python3)" $(VENV)
	$(UV) pip sync --quiet --python $(BIN)/python requirements.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

docs: env ## the documentation as a site in build/docs; a warning or a link that leads nowhere is an error
	rm -rf build/docs
	sphinx-build --fresh-env --fail-on-warning --keep-going --quiet docs build/docs
	@echo "The documentation is at $(CURDIR)/build/docs/index.html"

test: env ## the test suite, two files side by side
	pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: env ## format, style, types and the workflow's own checks
	ruff format --check .
	ruff check .
	snakefmt --check Snakefile workflow
	mypy
	snakemake --lint
	snakemake --dry-run --quiet all

format: env ## rewrite files as lint wants them
	ruff check --fix-only --quiet .
	ruff format --quiet .
	snakefmt Snakefile workflow

lock: $(VENV)/ready ## pin requirements anew from pyproject.toml
	$(UV) pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-header --upgrade pyproject.toml --output-file requirements.txt
	echo uv | $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header - --output-file requirements-uv.txt

pull: env ## after a clone or checkout: fetch data and models, check them, and take them as current
	workflow/pull.sh

clean: ## remove results and caches; clips, models' states and the environment stay
	rm -rf results/report results/tables results/figures results/visuals results/metrics results/samples logs .pytest_cache .mypy_cache .ruff_cache .hypothesis
