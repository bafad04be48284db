# make demo       train on two yeast chromosomes, score variants, write the report
# make test       all tests
# make lint       everything that checks style
# make benchmark  measure speed and memory
# make environments  build the environments of the rules from PyPI, and run a tiny study with them
# make status     what of a study is done and what is left (CONFIG=config/yeast/config.yaml; else the demo)
# make setup      the Python environment alone (the others make it where it is missing)
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
CORES ?= all
BIN := $(abspath $(VENV)/bin)
export PATH := $(BIN):$(PATH)

SNAKEMAKE := $(BIN)/python -m snakemake --workflow-profile workflow/profiles/default

.PHONY: help setup bedtools slurm demo test lint benchmark environments status docs lock

help:
	@sed -n 's/^# make/make/p' Makefile

setup: $(VENV)/.installed bedtools

# The first Python of 3.11 or later. No version is downloaded: that is the user's choice.
$(VENV)/.installed: requirements.lock
	@for python in python3.11 python3.12 python3.13 python3; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
	    echo "Genoglot needs Python 3.11 or later, and found none on PATH. Install one (on Debian or Ubuntu:" \
	         "apt-get install python3.11-venv; anywhere: conda create -n py311 python=3.11) and run make again." >&2; \
	    exit 1; \
	fi; \
	echo "Making $(VENV) with $$($$found --version). The first time this takes some minutes."; \
	$$found -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@touch $@

bedtools: | $(VENV)/.installed
	@if command -v bedtools >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing bedtools with apt-get."; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq bedtools >/dev/null; \
	elif conda=$$(command -v micromamba || command -v mamba || command -v conda); then \
	    echo "Installing bedtools with $$conda into $(VENV)/bedtools."; \
	    $$conda create --quiet --yes --prefix $(VENV)/bedtools -c conda-forge -c bioconda bedtools >/dev/null; \
	    ln -sf ../bedtools/bin/bedtools $(BIN)/bedtools; \
	else \
	    echo "Genoglot needs the program bedtools, and it is not on PATH. Install it and run make again:" >&2; \
	    echo "  Debian, Ubuntu:  sudo apt-get install bedtools" >&2; \
	    echo "  macOS:           brew install bedtools" >&2; \
	    echo "  conda:           conda install -c conda-forge -c bioconda bedtools" >&2; \
	    exit 1; \
	fi

# For tests alone, which say so and skip where it is missing.
slurm:
	@PATH="$$PATH:/usr/sbin:/sbin"; \
	if command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v munged >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Slurm with apt-get."; \
	    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge >/dev/null; } || \
	        echo "Slurm could not be installed; its tests will be skipped." >&2; \
	else \
	    echo "Tests on Slurm will be skipped: it is not installed (Debian, Ubuntu: sudo apt-get install slurm-wlm munge)."; \
	fi

demo: setup
	@$(SNAKEMAKE) --cores $(CORES) --quiet rules host
	@echo
	@echo "Report:           results/report.html   (open it in a browser)"
	@echo "Model:            results/models/demo/"
	@echo "Scored variants:  results/variants/consequences/demo.vcf.gz"

test: setup slurm
	@$(BIN)/python -m pytest

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/snakefmt --check Snakefile workflow examples
	@$(BIN)/python -m snakemake --lint
	@$(BIN)/mypy

benchmark: setup
	@$(BIN)/python benchmarks/run.py

status: setup
	@$(BIN)/python workflow/status.py $(if $(CONFIG),--configfile $(CONFIG))

environments: setup
	@$(BIN)/python tests/workflow/build_environments.py .venv-environments

# The parts of the documentation that are made from the workflow; tests compare them.
docs: setup
	@cd workflow/scripts && $(BIN)/python -m genoglot.config_reference ../../config/README.md ../schemas
	@$(BIN)/python docs/rulegraph.py

# New versions of everything: needs the network, and a run of the tests afterwards.
lock:
	@rm -rf .venv-lock
	@python3 -m venv .venv-lock
	@.venv-lock/bin/pip install --quiet --requirement requirements.in
	@{ echo "# Exact versions of everything that Genoglot runs, tests and lints with, made from requirements.in by \`make lock\`."; \
	   .venv-lock/bin/pip freeze | sed 's/+cpu$$//'; } > requirements.lock
	@rm -rf .venv-lock
