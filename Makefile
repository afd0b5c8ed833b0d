# Every target does its own set-up: a virtual environment in .venv, made once and kept until a dependency changes.
# Nothing is needed beforehand but python3 (3.11 or newer), git and make.

PYTHON    ?= python3
VENV      := .venv
PY        := $(VENV)/bin/python
TEST_JOBS ?= 2
PIP       := PIP_DISABLE_PIP_VERSION_CHECK=1 $(PY) -m pip install --quiet --constraint constraints.txt

.PHONY: help demo test lint validate bench clean

help:
	@echo "make demo      simulate one parent order, from nothing"
	@echo "make test      run the tests"
	@echo "make lint      ruff, mypy, import-linter"
	@echo "make validate  the statistical tests to full precision (minutes)"
	@echo "make bench     measure speed on this machine"
	@echo "make clean     remove .venv and every cache"

demo: $(VENV)/.stamp-core
	@$(PY) -m simexec run scenarios/quickstart.yaml

test: $(VENV)/.stamp-test
	$(PY) -m pytest -n $(TEST_JOBS)

lint: $(VENV)/.stamp-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

validate: $(VENV)/.stamp-test
	$(PY) -m pytest -n $(TEST_JOBS) -m validate

bench: $(VENV)/.stamp-core
	@$(PY) -m simexec bench

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find simexec tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps lie inside the environment, so they go with it. They are touched last: a failed install leaves none.
$(VENV)/.stamp-core: pyproject.toml constraints.txt | $(PY)
	@echo "Installing simexec and what it needs into $(VENV) (once, about a minute) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.stamp-test: pyproject.toml constraints.txt | $(PY)
	@echo "Installing simexec and what its tests need into $(VENV) (once, about a minute) ..."
	@$(PIP) --editable ".[test]"
	@touch $@

$(VENV)/.stamp-dev: pyproject.toml constraints.txt | $(PY)
	@echo "Installing simexec and what its developers need into $(VENV) (once, about a minute) ..."
	@$(PIP) --editable ".[dev]"
	@touch $@

# A symbolic link to an interpreter that has gone counts as missing, so the environment is then made anew.
$(PY):
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "simexec: '$(PYTHON)' was not found; install Python 3.11 or newer, or name it: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "simexec: Python 3.11 or newer is needed, but '$(PYTHON)' is $$($(PYTHON) -V 2>&1); name a newer one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); echo "simexec: '$(PYTHON) -m venv' failed (see above); on Debian and Ubuntu it needs the package python3-venv" >&2; exit 1; }
