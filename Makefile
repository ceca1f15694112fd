# Each target does its own set-up; everything is written to .venv* and runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Runs a command in a network namespace of its own, since Ray listens on all interfaces.
ISOLATED = $(shell for way in -n -rn; do unshare $$way ip link set lo up 2> /dev/null && \
	echo "unshare $$way sh -c 'ip link set lo up; exec \"\$$@\"' sh" && break; done)
IN_WHEEL := .venv-wheel/bin/python
# What needs neither a browser nor minutes.
QUICK := tests/notes tests/trace tests/test_model.py tests/test_model_file.py tests/export/test_onnx.py \
	tests/consumer tests/cli/test_use.py
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-cluster test-wheel lowest newest lint format types docs fuzz bench accuracy clean

help:  ## Print this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.installed  ## Train on the embedded digits, predict a few of them, plot curves and filters.
	@$(BIN)/python -m tools.demo

test: $(VENV)/.installed-dev  ## Run all tests, including doctests.
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal $(PYTEST)

test-cluster: .venv-cluster/.installed  ## Run the tests on a Ray cluster, in a network of their own if possible.
	@$(ISOLATED) .venv-cluster/bin/python -m pytest $(PYTEST) $(or $(TESTS),tests_cluster)

test-wheel: $(VENV)/.installed-dev  ## Test the wheel, built or given as WHEEL=FILE, in an empty environment.
	@rm -rf .venv-wheel runs/wheel
	@test -n "$(WHEEL)" || $(BIN)/python -m hatchling build --target wheel --directory runs/wheel
	@$(PYTHON) -m venv .venv-wheel
	@$(IN_WHEEL) -m pip install --quiet --constraint constraints.txt $(or $(WHEEL),runs/wheel/*.whl)
	@cd runs && ../$(IN_WHEEL) -m handgrad train digits --epochs 2 --out wheel/digits --overwrite
	@$(IN_WHEEL) -m pip install --quiet --constraint constraints.txt "handgrad[dev] @ file://$$(realpath $(or $(WHEEL),runs/wheel/*.whl))"
	@$(IN_WHEEL) -c "import handgrad; assert '.venv-wheel' in handgrad.__file__, handgrad.__file__"
	@$(IN_WHEEL) -m pytest --numprocesses auto --maxprocesses 4 $(PYTEST) $(QUICK)

lowest: $(VENV)/bin/python  ## Test with every dependency at the floor in pyproject.toml; newest: at its newest.
	@$(BIN)/python -m pip install --quiet 'nox[uv]'
	@$(BIN)/python -m nox --session lowest

newest: $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet 'nox[uv]'
	@$(BIN)/python -m nox --session newest

lint: $(VENV)/.installed-dev  ## Check style, formatting and the workflows.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml

format: $(VENV)/.installed-dev  ## Fix style and formatting.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(VENV)/.installed-dev  ## Check types.
	@$(BIN)/mypy

docs: $(VENV)/.installed-docs  ## Build the documentation as a site in runs/site; a warning is an error.
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --fresh-env --conf-dir docs --doctree-dir runs/doctrees . runs/site
	@echo "runs/site/index.html"

fuzz: $(VENV)/.installed-fuzz  ## Try hostile files on every reader, SECONDS=60 each; DOCUMENT=1 writes docs/robustness.md.
	@$(BIN)/python -m tools.fuzz --seconds $(or $(SECONDS),60) $(if $(DOCUMENT),--document)

bench: .venv-bench/.installed  ## Compare handgrad with other frameworks; QUICK=1 for a smoke test.
	@.venv-bench/bin/python -m tools.benchmarks $(if $(QUICK),--quick)

accuracy: $(VENV)/.installed .venv-bench/.installed  ## Train every recipe and its peers (hours); writes docs/results.md.
	@$(BIN)/python -m tools.accuracy

clean:  ## Remove the environment, caches and the demo's results.
	rm -rf $(VENV) .venv-bench .venv-cluster .venv-wheel .nox runs/wheel runs/demo runs/fuzz runs/site runs/doctrees .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "handgrad: error: PYTHON=$(PYTHON) is $$($(PYTHON) --version 2>&1): handgrad needs Python 3.11 or newer; run for example make PYTHON=python3.12"; exit 2; }
	@echo "Making an environment in $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing handgrad (once)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt hatchling hatch-fancy-pypi-readme editables
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what the tests need (once)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	@echo "Installing what builds the documentation (once)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[docs,onnx]'
	@touch $@

$(VENV)/.installed-fuzz: $(VENV)/.installed
	@echo "Installing the fuzzer (once)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[fuzz]'
	@touch $@

.venv-bench/.installed: pyproject.toml tools/benchmarks/constraints.txt
	@echo "Making an environment with PyTorch, JAX and ONNX Runtime in .venv-bench (once)"
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --constraint tools/benchmarks/constraints.txt --editable '.[bench]' torch jax onnx onnxruntime
	@touch $@

.venv-cluster/.installed: pyproject.toml tests_cluster/constraints.txt
	@echo "Making an environment with Ray in .venv-cluster (once)"
	@$(PYTHON) -m venv .venv-cluster
	@.venv-cluster/bin/python -m pip install --quiet --constraint tests_cluster/constraints.txt --editable '.[ray]' pytest
	@touch $@
