# Everything happens in .venv, which the first target to need it makes (deploy/setup/venv.sh). ARGS go to the command:
#   make demo ARGS=--once      make test ARGS="tests/unit -x"      make setup PYTHON=python3.13
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
export PYTHON

.PHONY: help demo test browsers screenshots fuzz bench check openapi reset setup setup-dev lock

help:
	@echo "make demo      a clinic's month, from consent to charges, on this machine (ARGS=--once: ends after the table)"
	@echo "make test      all tests"
	@echo "make browsers  the launch in a browser, a hundred times with two charts at once; then in Firefox and WebKit"
	@echo "make screenshots  pictures of every page of the demo's clinic, into docs/gallery"
	@echo "make fuzz      a hundred thousand malformed requests (ARGS=\"--requests 2000\" for fewer)"
	@echo "make check     style, types, imports, generated files, migrations, rule parameters"
	@echo "make bench     the measures, each against its baseline"
	@echo "make openapi   writes openapi/ anew"
	@echo "make reset     clears the demo's data, after asking"
	@echo "make setup     .venv to run, make setup-dev to develop; make lock writes the locks anew"

demo: setup
	$(BIN)/careledger demo $(ARGS)

test: setup-dev
	$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

browsers: setup-dev
	CARELEDGER_ROUNDS=100 $(BIN)/pytest tests/e2e/test_launch.py $(ARGS)
	$(BIN)/python -m tests.e2e.engines

screenshots: setup-dev
	$(BIN)/python -m tests.e2e.gallery $(ARGS)

fuzz: setup-dev
	$(BIN)/python -m tests.fuzz --requests 100000 $(ARGS)

bench: setup-dev
	$(BIN)/python -m tests.bench $(ARGS)

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/careledger openapi --check
	$(BIN)/careledger db check
	$(BIN)/careledger rules lint

openapi: setup
	$(BIN)/careledger openapi $(ARGS)

reset: setup
	$(BIN)/careledger reset $(ARGS)

setup:
	@sh deploy/setup/venv.sh runtime

setup-dev:
	@sh deploy/setup/venv.sh dev

lock:
	@sh deploy/setup/lock.sh $(ARGS)
