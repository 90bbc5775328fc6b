# Every target sets up what it needs: python3, pip and make are enough.
#   make test ARGS="-k losses"      more arguments for pytest
#   make test PYTHON=python3.12     another interpreter (when .venv does not exist yet)

PYTHON ?= python3
# The oldest NumPy and SciPy that we support have no wheels for a newer Python.
OLDEST_PYTHON ?= python3.11
WORKERS ?= 2
ARGS ?=

VENV := .venv
OLDEST := .venv-oldest
PLAIN := .venv-plain
WHEEL := .venv-wheel

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# What `make dist` runs on the wheel, in a minute or two.
SMOKE_TESTS := $(addprefix tests/test_,$(addsuffix .py,\
	estimators fold_ensemble main search stopping types))

PYTEST := bin/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)
SPHINX := $(VENV)/bin/python -m sphinx --fail-on-warning --keep-going --quiet

# $(call make_venv,directory,interpreter): a virtual environment with pip. Some systems
# ship Python without ensurepip; then the pip outside puts a copy of itself inside.
define make_venv
@$(2) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "skreg needs Python 3.11 or newer: make PYTHON=... names one")'
@test -x $(1)/bin/python || $(2) -m venv --clear --without-pip $(1)
@$(1)/bin/python -m pip --version >/dev/null 2>&1 \
	|| $(1)/bin/python -m ensurepip >/dev/null 2>&1 \
	|| $(2) -m pip install --quiet pip --target \
		"$$($(1)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
endef

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-oldest test-plain test-searches test-faults fuzz \
	bench-check lint types format docs linkcheck dist clean
# Two installations into one environment must not run at the same time.
.NOTPARALLEL:

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.installed-plot ## the tour on real data
	$(VENV)/bin/python demo/tour.py

test: $(VENV)/.installed-test ## the tests but the slow ones, and the docstrings' examples
	$(PYTEST:bin/%=$(VENV)/bin/%) -m "not slow"

test-slow: $(VENV)/.installed-test ## the slow tests
	$(PYTEST:bin/%=$(VENV)/bin/%) -m slow

test-oldest: $(OLDEST)/.installed ## the tests, on the oldest versions we support
	$(PYTEST:bin/%=$(OLDEST)/bin/%)

test-plain: $(PLAIN)/.installed ## the tests, with nothing that skreg runs without
	$(PYTEST:bin/%=$(PLAIN)/bin/%)

test-searches: $(VENV)/.installed-test ## 1,000 random searches against training alone
	$(VENV)/bin/python tests/random_searches.py 1000

test-faults: $(VENV)/.installed-test ## plant faults, each of which a test must catch
	$(VENV)/bin/python tests/mutation/run.py --jobs $(WORKERS) $(ARGS)

fuzz: $(VENV)/.installed-test ## 20,000 random fits: each is sound or says what is wrong
	$(VENV)/bin/python tests/fuzz.py 20000 $(ARGS)

bench-check: $(VENV)/.installed-test ## what is slower than in BASE=..., or than on main
	$(VENV)/bin/python benchmarks/check.py $(if $(BASE),--base $(BASE)) \
		$(if $(HEAD),--head $(HEAD)) $(ARGS)

lint: $(VENV)/.installed-lint ## check style and formatting
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.installed-types ## check the types of the public functions and methods
	$(VENV)/bin/mypy

format: $(VENV)/.installed-lint ## fix what the linter can fix, and format
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(VENV)/.installed-docs ## the site, in docs/_build/html; a warning is an error
	$(SPHINX) -b html docs docs/_build/html

linkcheck: $(VENV)/.installed-docs ## ask every address outside the site (needs a network)
	$(SPHINX) -D plot_gallery=0 -b linkcheck docs docs/_build/linkcheck

# The tests are those of the source archive, whose package is removed, so that what they
# import is the wheel.
dist: $(VENV)/.installed-dist ## build the wheel and the source archive, and test both
	rm -rf dist $(WHEEL)
	$(VENV)/bin/python -m build --outdir dist .
	$(VENV)/bin/python -m twine check --strict dist/*
	$(VENV)/bin/python .ci/check_archives.py
	$(call make_venv,$(WHEEL),$(PYTHON))
	$(WHEEL)/bin/python -m pip install --quiet dist/*.whl pytest pytest-xdist
	mkdir $(WHEEL)/source
	tar -xzf dist/*.tar.gz -C $(WHEEL)/source --strip-components 1
	rm -r $(WHEEL)/source/skreg
	cd $(WHEEL)/source && ../bin/python -m skreg \
		&& ../$(PYTEST) $(SMOKE_TESTS) --pyargs skreg.neural_network

clean: ## remove the environments and everything that was built
	rm -rf $(VENV) $(OLDEST) $(PLAIN) $(WHEEL) build dist *.egg-info
	rm -rf .pytest_cache .ruff_cache .mypy_cache
	rm -rf docs/_build docs/auto_gallery docs/api/generated docs/sg_execution_times.rst
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp an extra; a change of pyproject.toml installs again.
$(VENV)/.installed-%: pyproject.toml
	$(call make_venv,$(VENV),$(PYTHON))
	@echo "Installing skreg[$*] into $(VENV)"
	@$(VENV)/bin/python -m pip install --quiet --editable '.[$*]'
	@touch $@

$(PLAIN)/.installed: pyproject.toml
	$(call make_venv,$(PLAIN),$(PYTHON))
	@echo "Installing skreg, pytest and nothing else into $(PLAIN)"
	@$(PLAIN)/bin/python -m pip install --quiet --editable . pytest pytest-xdist
	@touch $@

$(OLDEST)/.installed: pyproject.toml tests/requirements-oldest.txt
	$(call make_venv,$(OLDEST),$(OLDEST_PYTHON))
	@echo "Installing skreg and its oldest dependencies into $(OLDEST)"
	@sed -n '/^dependencies = \[/,/^\]/s/.*"\(.*\)>=\(.*\)".*/\1==\2/p' pyproject.toml \
		> $(OLDEST)/constraints.txt
	@$(OLDEST)/bin/python -m pip install --quiet --only-binary numpy,scipy,scikit-learn \
		--editable . -r tests/requirements-oldest.txt -c $(OLDEST)/constraints.txt
	@$(OLDEST)/bin/python -m pip freeze --exclude-editable
	@touch $@
