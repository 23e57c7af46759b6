# make run, make test: everything they need is installed in .venv the first time.

PYTHON ?= python3
VENV := .venv
# Of the classifiers in examples/.
EXAMPLES_VENV := .venv-examples
VALIDATOR := tests/unit/crates/validator
VALIDATOR_VENV := .venv-validator
# Of the documentation site, and where its pages go.
SITE_VENV := .venv-site
SITE ?= site
# By module, not by the scripts in .venv/bin, which name the folder they were installed in: a checkout can be moved.
RUN := $(VENV)/bin/python -m
INSTALLED := $(VENV)/requirements.txt
COMMAND := $(VENV)/bin/skybias
# CUDA is installed beside TensorFlow with GPU=1, and from then on kept as pinned.
CUDA := $(VENV)/requirements-gpu.txt
WITH_CUDA := $(or $(filter 1,$(GPU)),$(wildcard $(CUDA)))
CORES ?= all
# Tests run in so many processes; those that share a finished run or a file of tests stay in one.
TEST_PROCESSES ?= 2
TESTS ?= not slurm and not long
# Snakemake would answer a name that is not there with a traceback.
$(foreach file,$(CONFIGFILE),$(if $(wildcard $(file)),,$(error CONFIGFILE: $(file) does not exist)))
SNAKEMAKE := $(RUN) snakemake --cores $(CORES) $(if $(CONFIGFILE),--configfile $(CONFIGFILE))
BENCHMARKS := sky_scan sky_regression catalog_audit wide_tables experiment_suite annotation_memory cutout_throughput

.DEFAULT_GOAL := help

.PHONY: help run dry-run plan report archive test test-long test-slurm fuzz chaos benchmarks clean-images calibration \
	example-environment crate-validator demo-survey lint format docs pictures site site-environment requirements environment

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 28
	@echo "CONFIGFILE=experiments/NAME.yaml overlays config.yaml; CORES=N limits the cores; PYTHON=... makes .venv with another Python."
	@echo "make environment GPU=1 adds CUDA, for graphics cards (Linux on x86-64)."
	@echo "$(COMMAND) --help lists what runs from any folder: the workflow, audits, single steps."

run: environment  ## make the results of the active experiments
	$(SNAKEMAKE)

dry-run: environment  ## list the jobs that `make run` would run
	$(SNAKEMAKE) --dry-run

plan: environment  ## a page: what `make run` would do, why, and what it would cost
	$(RUN) workflow_scripts.plan --cores $(CORES) $(if $(CONFIGFILE),--configfile $(CONFIGFILE))

report: environment  ## results/report.html, from finished results
	$(SNAKEMAKE) --report results/report.html --report-stylesheet rules/report/style.css

archive: environment  ## results/archive/NAME.zip to deposit, from finished results; EXPERIMENT=NAME or AUDIT=NAME for one
	$(RUN) workflow_scripts.archive_experiment $(if $(EXPERIMENT),--experiments $$EXPERIMENT) $(if $(AUDIT),--audits $$AUDIT) \
		$(if $(AUTHOR),--author "$$AUTHOR") $(if $(CONFIGFILE),--configfile $(CONFIGFILE))

test: environment  ## run the tests, but for the long ones and those on SLURM; TESTS="not longest" as CI does
	$(RUN) pytest -m "$(TESTS)" --numprocesses $(TEST_PROCESSES)

test-long: environment  ## whole surveys from local servers, chaos, and the preview beside what runs: an hour
	$(RUN) pytest -m long --numprocesses $(TEST_PROCESSES)

test-slurm: environment  ## run the tiny experiment on a private SLURM, and disturb it; skipped where SLURM is not installed
	$(RUN) pytest -m slurm tests/slurm

fuzz: environment  ## try the parsers of answers on 10,000 inputs each, over 100,000 in all
	SKYBIAS_FUZZ=$(or $(FUZZ),10000) $(RUN) pytest -m fuzz --durations=0 --durations-min=1

chaos: environment  ## kill random processes of a run, 50 of them, and damage files
	CHAOS_KILLS=50 $(RUN) pytest -s tests/integration/test_chaos.py

benchmarks: environment  ## time and memory of large catalogs, a line each
	@failed=0; for name in $(BENCHMARKS); do $(RUN) tests.benchmarks.$$name || failed=1; done; exit $$failed

clean-images:  ## delete the image arrays; `snakemake images` remakes them from the archive, byte for byte
	find results/images -name 'tile*.npy' -delete

# $(1)/requirements.txt installed into $(2), an environment of its own; nothing is done where it has a copy of them.
own_environment = cmp -s $(1)/requirements.txt $(2)/requirements.txt || { \
		rm -rf $(2) && $(PYTHON) -m venv $(2) \
		&& $(2)/bin/python -m pip install --require-hashes --requirement $(1)/requirements.txt \
		&& cp $(1)/requirements.txt $(2)/requirements.txt; }

example-environment:  ## .venv-examples: what the classifiers in examples/ need, scikit-learn
	@$(call own_environment,examples,$(EXAMPLES_VENV))

crate-validator:  ## .venv-validator: what tests the archives of experiments with, roc-validator
	@$(call own_environment,$(VALIDATOR),$(VALIDATOR_VENV))

site-environment:
	@$(call own_environment,website,$(SITE_VENV))

site: site-environment  ## the documentation as pages that need no internet: site/index.html
	$(SITE_VENV)/bin/python -m sphinx --builder html --fail-on-warning --keep-going --fresh-env --quiet \
		-d $(SITE)/.doctrees -c website docs $(SITE)
	@echo "$(SITE)/index.html"

calibration: environment  ## measure size, coverage and power of the tests on mock skies, 2,000 of each kind
	$(SNAKEMAKE) calibration

demo-survey: environment  ## download catalog and cutouts of a survey from a server on this machine, without internet
	$(RUN) tests.services.demo_survey --cores $(CORES)

lint: environment  ## check style, types and the workflow
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile rules
	$(RUN) mypy
	$(RUN) snakemake --lint

format: environment  ## put code and rules in the project's format
	$(RUN) ruff check --fix .
	$(RUN) ruff format .
	$(RUN) snakefmt Snakefile rules

docs: environment  ## write docs/configuration.md from the schema, docs/commands.md from the parsers
	$(RUN) workflow_scripts.configuration.key_table
	$(RUN) website.command_lines

pictures: environment  ## draw docs/pictures: the rules, and pages: of the default experiment (after `make run`), an audit, a plan
	$(RUN) website.stage_diagram
	$(RUN) website.page_pictures

requirements: environment  ## pin requirements.in anew in requirements.txt, and CUDA for it in requirements-gpu.txt
	$(RUN) pip install --quiet uv
	$(RUN) uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		requirements.in --output-file requirements.txt
	$(RUN) uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--constraint requirements.txt examples/requirements.in --output-file examples/requirements.txt
	$(RUN) uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		$(VALIDATOR)/requirements.in --output-file $(VALIDATOR)/requirements.txt
	$(RUN) uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--constraint requirements.txt website/requirements.in --output-file website/requirements.txt
	@# What TensorFlow wants in addition; nothing of it is for another system.
	echo "tensorflow[and-cuda]" | $(RUN) uv pip compile --quiet --python-platform x86_64-manylinux_2_28 \
		--python-version 3.11 --generate-hashes --no-header --no-annotate --constraint requirements.txt - \
		| awk '/^[a-z]/ {cuda = /^nvidia-/} cuda' > requirements-gpu.txt

# The environment is as the requirements say when it holds a copy of them: dates mean nothing after a clone.
environment:
	@cmp -s requirements.txt $(INSTALLED) || $(MAKE) --no-print-directory $(INSTALLED)
	@$(if $(WITH_CUDA),cmp -s requirements-gpu.txt $(CUDA) || $(MAKE) --no-print-directory $(CUDA))
	@cmp -s workflow_scripts/skybias.sh $(COMMAND) || $(MAKE) --no-print-directory $(COMMAND)

# The command, and for `python -m workflow_scripts.NAME` the way from site-packages to this folder. Both stay right when
# the checkout is moved.
.PHONY: $(INSTALLED) $(COMMAND) $(CUDA)
$(COMMAND):
	@$(VENV)/bin/python -c 'import os, sysconfig; packages = sysconfig.get_path("purelib"); \
		open(os.path.join(packages, "skybias.pth"), "w").write(os.path.relpath(os.getcwd(), packages) + "\n")'
	@cp workflow_scripts/skybias.sh $@

$(CUDA):
	@[ "$$(uname -sm)" = "Linux x86_64" ] || { \
		echo "error: GPU=1 needs Linux on x86-64, for which TensorFlow has CUDA, and this is $$(uname -sm)" >&2; exit 1; }
	$(RUN) pip install --require-hashes --requirement requirements-gpu.txt
	cp requirements-gpu.txt $(CUDA)

$(INSTALLED):
	@command -v $(PYTHON) >/dev/null || { \
		echo "error: $(PYTHON) is not found; name a Python 3.11, 3.12 or 3.13: make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "error: skybias needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is $$($(PYTHON) --version 2>&1);" \
			"name another one: make PYTHON=..." >&2; exit 1; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(RUN) pip install --no-compile --require-hashes --requirement requirements.txt
	@# On all cores. Importing TensorFlow from source would cost every job five seconds.
	$(RUN) compileall -q -j 0 $(VENV)/lib
	cp requirements.txt $(INSTALLED)
