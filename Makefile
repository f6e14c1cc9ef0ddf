# What CI runs, and what a new user does: `make demo`, `make test`.
#
# Everything runs in the active virtual environment, or in one made in .venv if there is none.

PYTHON ?= python3
VENV ?= $(if $(VIRTUAL_ENV),$(VIRTUAL_ENV),.venv)
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := $(VENV)/$(SCRIPTS)
TOOLS := $(VENV)-tools/$(SCRIPTS)
LIKES ?=
FEATURES ?=
REPORT ?= demo-report
TAG ?=
CACHE ?=
MOVIELENS ?=
TESTS ?=
TARGETS ?=
RUNS ?= 2000
# A worker per core, each with one thread of BLAS. A file stays on one worker, as its fixtures do.
PARALLEL := -n logical --dist loadfile --no-loadscope-reorder
FAST := -m "not slow and not spark and not cluster and not browser" --hypothesis-profile fast
# Tests that "make coverage" also runs with kernels as Python functions, because coverage does not see compiled code.
KERNEL_TESTS := tests/kernels tests/_ranking/test_top_k.py tests/_data/test_id_stream.py tests/_data/test_pair_sums.py

.PHONY: help demo serve experiments test test-fast coverage checks test-machines test-lowest wheel-check check-tag fuzz lock audit lint lint-workflows format type doc doc-fast bench quality board clean

help:
	@echo "make demo [LIKES=likes.psv FEATURES=feats.psv]   the whole job, on embedded data or on files"
	@echo "make serve    a web page with similar items of made-up data, on http://127.0.0.1:8000"
	@echo "make experiments [LIKES=likes.psv FEATURES=feats.psv]   which treatment of tags helps"
	@echo "make test     the test suite;   make test-fast     what of it takes a minute"
	@echo "make test-machines   the test suite as other processors would run it;   make test-lowest   on the oldest dependencies"
	@echo "make checks   which checks of scikit-learn and of this package each estimator passes"
	@echo "make wheel-check     the wheel alone, in an empty environment, its metadata, and licences of its dependencies"
	@echo "make audit    known vulnerabilities of dependencies;   make lock   newer tools with hashes in .ci/tools.txt"
	@echo "make fuzz [TARGETS=load_likes RUNS=100000]   damaged files and odd values, 2000 of each kind"
	@echo "make coverage        the fast tests with coverage, kernels included;   make coverage FAST=     all tests"
	@echo "make lint     ruff, codespell and hadolint;   make type     mypy;   make format   ruff format"
	@echo "make lint-workflows  files of GitHub and CITATION.cff by their schemas"
	@echo "make doc      the documentation;   make doc-fast     without running its gallery"
	@echo "make bench   timings beside peers;   make quality   precision beside peers"
	@echo "make board [CACHE=board.jsonl MOVIELENS=u.data]   default parameters beside the peers', on all data sets"

.NOTPARALLEL:  # pip installs into one environment

$(VENV)/.recsketch-venv:
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --version
	@touch $@

# One stamp per extra: reinstalled only when the metadata change.
$(VENV)/.recsketch-%: pyproject.toml | $(VENV)/.recsketch-venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	@touch $@

demo: $(VENV)/.recsketch-demo
	$(BIN)/python examples/demo.py --report $(REPORT) $(if $(LIKES),--likes "$(LIKES)") $(if $(FEATURES),--features "$(FEATURES)")

serve: $(VENV)/.recsketch-serve
	$(BIN)/python examples/serve.py --demo

experiments: $(VENV)/.recsketch-demo
	$(BIN)/python examples/tag_experiments.py $(if $(LIKES),--likes "$(LIKES)") $(if $(FEATURES),--features "$(FEATURES)")

test: $(VENV)/.recsketch-test
	$(BIN)/python -m pytest $(PARALLEL) $(TESTS)

test-fast: $(VENV)/.recsketch-test
	$(BIN)/python -m pytest $(PARALLEL) $(FAST) $(TESTS)

coverage: $(VENV)/.recsketch-test
	$(BIN)/python -m pytest -p tests.helpers.plain_kernels -m "not slow" --hypothesis-profile fast $(KERNEL_TESTS) \
		--cov --cov-report= --cov-fail-under=0
	$(BIN)/python -m pytest $(PARALLEL) $(FAST) --cov --cov-append --cov-report=term

checks: $(VENV)/.recsketch-test
	$(BIN)/python tests/print_checks.py

test-machines: $(VENV)/.recsketch-test
	.ci/machines $(BIN)/python $(TESTS)

# Tools that build and check what is published: pip verifies the hash of each download.
$(VENV)-tools/.recsketch-tools: .ci/tools.txt | $(VENV)/.recsketch-venv
	$(BIN)/python -m venv --clear $(VENV)-tools
	$(TOOLS)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/tools.txt
	@touch $@

lock: $(VENV)-tools/.recsketch-tools  # newer tools
	$(TOOLS)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes .ci/tools.in -o .ci/tools.txt

$(VENV)-lowest/.recsketch-test: pyproject.toml | $(VENV)-tools/.recsketch-tools
	$(TOOLS)/uv venv --quiet --clear --python $(BIN)/python $(VENV)-lowest
	$(TOOLS)/uv pip compile --quiet --resolution lowest-direct pyproject.toml --output-file $(VENV)-lowest/oldest.txt
	$(TOOLS)/uv pip install --quiet --python $(VENV)-lowest/$(SCRIPTS)/python --constraint $(VENV)-lowest/oldest.txt -e ".[test]"
	@touch $@

test-lowest: $(VENV)-lowest/.recsketch-test  # an older numba has a cache of its own, or each would empty the other's
	NUMBA_CACHE_DIR=$(abspath $(VENV))-lowest/numba $(VENV)-lowest/$(SCRIPTS)/python -m pytest $(PARALLEL) $(FAST) $(TESTS)

fuzz: $(VENV)/.recsketch-test  # coverage-guided with atheris: python -m fuzz --engine atheris
	$(BIN)/python -m fuzz $(TARGETS:%=--target %) --executions $(RUNS)

wheel-check: $(VENV)-tools/.recsketch-tools
	rm -rf dist
	$(TOOLS)/python -m build --no-isolation
	$(TOOLS)/python -m twine check --strict dist/*
	$(TOOLS)/check-wheel-contents dist/*.whl
	$(TOOLS)/uv venv --quiet --clear --python $(BIN)/python $(VENV)-wheel
	$(TOOLS)/uv pip install --quiet --python $(VENV)-wheel/$(SCRIPTS)/python dist/*.whl
	$(TOOLS)/uv pip check --quiet --python $(VENV)-wheel/$(SCRIPTS)/python
	$(VENV)-wheel/$(SCRIPTS)/python -I -W error .ci/fit.py
	$(VENV)-wheel/$(SCRIPTS)/python -I .ci/licences.py

audit: $(VENV)-tools/.recsketch-tools
	.ci/audit $(TOOLS)

lint: $(VENV)/.recsketch-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell sklearn_recsketch tests examples benchmarks fuzz docs .ci .github *.md pyproject.toml Makefile
	$(BIN)/hadolint examples/recommendation_service/Dockerfile

check-tag:  # of a release: v and the version of the package
	grep -qx '__version__ = "$(TAG:v%=%)"' sklearn_recsketch/__init__.py

lint-workflows: $(VENV)/.recsketch-lint
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*_*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff

type: $(VENV)/.recsketch-lint
	$(BIN)/mypy

format: $(VENV)/.recsketch-lint
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

doc: $(VENV)/.recsketch-docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html
	$(BIN)/python docs/check_site.py docs/_build/html

doc-fast: $(VENV)/.recsketch-docs  # does not run the examples of the gallery
	$(BIN)/python -m sphinx -W --keep-going -D plot_gallery=0 -b html docs docs/_build/html
	$(BIN)/python docs/check_site.py docs/_build/html

bench: $(VENV)/.recsketch-bench
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/time_to_score.py
	$(BIN)/python benchmarks/baselines.py
	$(BIN)/python benchmarks/ranking.py
	$(BIN)/python benchmarks/serving.py
	$(BIN)/python benchmarks/embeddings.py --only similar
	$(BIN)/python benchmarks/preparation.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/same_job.py
	$(BIN)/python benchmarks/side_features.py --only cost --only growth
	$(BIN)/python benchmarks/grid_search.py
	$(BIN)/python benchmarks/forest_search.py
	$(BIN)/python benchmarks/out_of_core.py
	$(BIN)/python benchmarks/saving.py

quality: $(VENV)/.recsketch-bench
	$(BIN)/python benchmarks/precision.py $(if $(LIKES),--likes "$(LIKES)")
	$(BIN)/python benchmarks/published.py
	$(BIN)/python benchmarks/defaults.py
	$(BIN)/python benchmarks/side_features.py --only warm --only few --only cold-WRMF --only cold-WARP --only cold-peers
	$(BIN)/python benchmarks/new_items.py
	$(BIN)/python benchmarks/embeddings.py --only suggest --only sort
	$(BIN)/python benchmarks/engines.py
	$(BIN)/python benchmarks/daily.py

board: $(VENV)/.recsketch-bench
	$(BIN)/python benchmarks/out_of_the_box.py $(if $(CACHE),--cache "$(CACHE)") $(if $(MOVIELENS),--movielens "$(MOVIELENS)")

clean:
	rm -rf build dist docs/_build demo-report fuzz-findings $(VENV)-lowest $(VENV)-tools $(VENV)-wheel
