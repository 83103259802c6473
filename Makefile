# Everything from a fresh clone with Python 3.11+ and make. PYTHON and VENV may be set on the command line.
PYTHON ?= python3
VENV ?= .venv
DEMO = analyze examples/phantom.png --spacing 0.1015 --find "solid lesion, cyst" --points cyst \
	--measure "longest diameter of the solid lesion" --classify "solid lesion=benign,malignant" --out results/demo

BIN = $(VENV)/bin
RUN = $(VENV)/.installed-run
DEV = $(VENV)/.installed-dev
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test checks bench clean

demo: $(RUN)
	$(BIN)/umind $(DEMO)

test: $(DEV)
	$(BIN)/python -m pytest

checks: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# On phantoms; make bench DATA=DIR scores the data sets too.
bench: $(DEV)
	$(BIN)/python -m benchmarks.run --suite all --model umind-tiny $(if $(DATA),--data $(DATA))

# Leaves the environment, gigabytes that take minutes to fetch again: remove $(VENV) by hand.
clean:
	rm -rf .venv-ci build dist results/demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find umind tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'umind needs Python 3.11 or newer: make PYTHON=python3.11 ...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# One resolver run for all of it: torch and torchvision have to match. A stamp is older than pyproject.toml when that changed.
$(RUN): pyproject.toml | $(BIN)/python
	@echo 'Installing umind into $(VENV); the first time takes minutes'
	$(INSTALL) -e .
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	@echo 'Installing umind[dev] into $(VENV); the first time takes minutes'
	$(INSTALL) -e '.[dev]'
	@touch $@ $(RUN)
