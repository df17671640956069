# The project's commands; `make help` lists them. The work is done by the tools these call.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build test demo sanitize fuzz bench check format clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## install what is missing: Debian packages, .venv, libraries in .deps
	@PYTHON=$(PYTHON) tools/setup/setup.sh

build: setup  ## release programs in build/bin
	@cmake --preset release --log-level=NOTICE
	@cmake --build --preset release

test: build  ## every test and check; closing line: N passed, N failed
	@.venv/bin/python tools/run_tests.py

demo: build  ## the main job on real data, told step by step; the lake stays in demo-lake/
	@PYTHONPATH=build/python .venv/bin/python examples/demo.py

sanitize: setup  ## every unit test under the address and the thread sanitizer
	@.venv/bin/python tools/run_tests.py asan tsan

fuzz: setup  ## every fuzz target under libFuzzer; SECONDS=600 for each, JOBS=2 at a time
	@.venv/bin/python tools/run_fuzzers.py --seconds $(or $(SECONDS),600) --jobs $(or $(JOBS),2)

bench: build  ## build the benchmarks and run them all; each verifies its output first
	@cmake --build --preset release --target datalake_benchmarks
	@for program in build/release/benchmarks/*_benchmark; do echo "== $$program"; $$program || exit 1; done

check: setup  ## layers, format and types, in seconds
	@.venv/bin/python tools/run_tests.py layers format

format: setup  ## rewrite C++ and Python in the house style
	@.venv/bin/python tools/check_format.py --fix

clean:  ## remove what was built; .venv, .deps and caches stay
	rm -rf build demo-lake
