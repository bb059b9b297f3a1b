# naome: `make` lists the commands.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3.11
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/.ready
CORES ?= 2
SCALE ?= 1
# A folder of packages (make wheels): where there is no registry, not even a mirror
WHEELS ?=
FROM := $(if $(WHEELS),--no-index --find-links "$(abspath $(WHEELS))")
export PATH := $(BIN):$(PATH)
export PYTHONHASHSEED := 0
# hundreds of processes import the same modules: without compiled files each compiles them again
unexport PYTHONDONTWRITEBYTECODE
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1

.PHONY: help site test quick lab notebooks docs audit extracts check format bench validate-r spark wheels lock clean
.DEFAULT_GOAL := help

help: ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@echo "environment: installing the locked packages into $(VENV)"
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on PATH; set PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(FROM) --require-hashes -r $(VENV)/uv.lock
	@# uv is quick but does not read pip's configuration (a mirror, a certificate): pip is the way that always works
	@$(BIN)/uv pip install --quiet --python $(BIN)/python $(FROM) --require-hashes -r requirements.lock 2>/dev/null || \
	  { echo "environment: uv cannot reach the registry; installing with pip"; \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check $(FROM) --require-hashes -r requirements.lock; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m ipykernel install --prefix $(VENV) --name python3 --display-name "Python 3 (ipykernel)" >/dev/null
	@touch $@

$(VENV)/.quarto: $(READY)
	@if [ -n "$${CI:-}" ] || [ -n "$${NAOME_NO_QUARTO:-}" ]; then echo "Quarto: not tried (switched off)" > $@; \
	elif command -v quarto >/dev/null; then echo "Quarto: $$(quarto --version) is on PATH" > $@; \
	elif $(BIN)/python -m pip install --quiet --disable-pip-version-check quarto-cli==1.9.38 >/dev/null 2>&1; then \
	  echo "Quarto: 1.9.38 installed" > $@; \
	else echo "Quarto: cannot be installed here; the preview renderer draws the site" > $@; fi
	@cat $@

site: $(READY) $(VENV)/.quarto ## make everything: environment, extracts, notebooks for all audits, _site/index.html
	@naome workflow --cores $(CORES) --scale $(SCALE)
	@echo "site: _site/index.html"

extracts: $(READY) ## write the synthetic extracts and read them
	@naome workflow --cores $(CORES) --scale $(SCALE) $(foreach a,england wales rotterdam,runs/$(a)/.read)

test: $(READY) ## prove everything that CI proves
	@bash tests/run.sh

quick: $(READY) ## a tenth of test: lint, and the tests of the rooms that changed since main
	@bash tests/run.sh quick

lab: extracts ## open JupyterLab on the notebooks
	@# what is looked at by hand is of people: notebooks, and what they write, are their owner's only
	@umask 077; jupyter lab --notebook-dir=$(CURDIR) $$(test "$$(id -u)" != 0 || echo --allow-root) \
	  --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate notebooks/00-cohort.ipynb

notebooks: $(READY) ## execute the committed notebooks again and keep their outputs
	@bash tests/notebooks/prepare.sh
	@NAOME_RUNS=$(CURDIR)/runs/nbval naome refresh

docs: $(READY) ## write again what is made from code: params/README.md, the definitions page, the data dictionary
	@naome docs

audit: $(READY) ## from your extract to a site of it: make audit PARAMS=england DATA=folder [RUN=name-or-folder] [REPLACE=1] [RESUME=1]
	@test -n "$(PARAMS)" && test -n "$(DATA)" || { echo "usage: make audit PARAMS=name-or-file.yaml DATA=folder [RUN=name-or-folder] [REPLACE=1] [RESUME=1]"; exit 2; }
	@naome chain --params "$(PARAMS)" --data "$(DATA)" $(if $(RUN),--run "$(RUN)") $(if $(REPLACE),--replace) $(if $(RESUME),--resume)

check: $(READY) ## lint, format, types, portable subset; report all failures
	@status=0; ruff check . || status=1; ruff format --check . || status=1; mypy || status=1; naome render --check || status=1; exit $$status

format: $(READY) ## format the code
	@ruff format .; ruff check --fix --quiet . || true

bench: $(READY) ## time the extract-sized steps
	@python tests/bench.py

validate-r: $(READY) ## re-create the R reference values, where R is present
	@command -v Rscript >/dev/null || { echo "R is not on PATH"; exit 2; }
	@Rscript tests/reference/recreate.R

spark: $(READY) ## install the second engine (PySpark; needs Java), so that its test runs
	@command -v java >/dev/null || { echo "Java is not on PATH"; exit 2; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-spark.lock 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-spark.lock

wheels: ## gather the locked packages for a machine without a network: make wheels WHEELS=folder
	@test -n "$(WHEELS)" || { echo "usage: make wheels WHEELS=folder; there: make site WHEELS=folder"; exit 2; }
	@$(PYTHON) -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock --dest "$(WHEELS)"
	@# two of them come as source only: what builds them
	@$(PYTHON) -m pip download --quiet --disable-pip-version-check --no-deps setuptools wheel --dest "$(WHEELS)"
	@echo "wheels: $$(ls "$(WHEELS)" | wc -l) packages in $(WHEELS)"

lock: $(READY) ## resolve requirements.lock again from pyproject.toml
	@uv pip compile --quiet --no-strip-extras --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra dev pyproject.toml -o requirements.lock
	@uv pip compile --quiet --no-strip-extras --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra dev --extra spark --constraint requirements.lock pyproject.toml -o requirements-spark.lock

clean: ## remove what was made: runs, synthetic extracts, site
	rm -rf _site _site-egress.* runs downloads data/synthetic data/truth .snakemake
