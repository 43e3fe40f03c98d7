# From a fresh clone, with Python >= 3.12 and a C compiler: `make demo`, `make test`.

VENV = .venv
PY = $(VENV)/bin/python
INSTALLED = $(VENV)/.installed

ONE_THREAD = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: help .venv demo test check lint types wheel stories clean distclean

help: ## say what each target does
	@awk -F ':.*## ' '/^[.a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

.venv: $(INSTALLED) ## install Kantor with all its extras into .venv (PYTHON=... chooses the Python)

$(INSTALLED): setup.cfg pyproject.toml
	@sh .ci/find-compiler
	@$(PY) -m pip --version >/dev/null 2>&1 || { \
	    python=$$(PYTHON='$(PYTHON)' sh .ci/find-python) || exit 1; \
	    echo "==> creating $(VENV) with $$python"; \
	    "$$python" -m venv --clear $(VENV); \
	}
	@echo "==> installing Kantor with all its extras into $(VENV): the first time takes minutes"
	@$(PY) -m pip install --disable-pip-version-check \
	    --editable '.[all]' --config-settings editable_mode=compat \
	    || { echo "==> pip could not install Kantor: the lines above say why" >&2; exit 1; }
	@touch $@

demo: .venv ## show what Kantor does
	@$(ONE_THREAD) $(PY) -m kantor demo

# One BLAS thread: more than one only get in each other's way on small matrices.
test: .venv ## run the unit tests
	@echo "==> unit tests"
	@$(ONE_THREAD) $(PY) -m pytest tests -n 2 --dist worksteal \
	    -m "not slow" --ignore=tests/benchmarks --benchmark-disable

check: .venv ## verify every relation numerically
	@$(PY) -m kantor check

lint: .venv ## ruff: rules and format
	@echo "==> ruff"
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: .venv ## mypy: strict on matchers and relations
	@echo "==> mypy"
	@$(PY) -m mypy

wheel: .venv ## build the wheel and try it in an empty environment outside of this folder
	@echo "==> building the wheel"
	@rm -rf build dist/kantor-*.whl
	@$(PY) -m build --wheel --outdir dist .
	@rm -rf build
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && source=$$PWD && \
	echo "==> installing it into an empty environment" && \
	$(PY) -m venv "$$tmp/venv" && \
	"$$tmp/venv/bin/python" -m pip install --quiet --disable-pip-version-check dist/kantor-*.whl && \
	cp .ci/wheel_check.py "$$tmp" && cd "$$tmp" && \
	venv/bin/python -c 'import kantor; print("kantor", kantor.__version__)' && \
	venv/bin/python wheel_check.py "$$source"

stories: .venv ## run every script in examples/
	@for story in examples/*.py; do \
	    [ -e "$$story" ] || { echo "==> no stories yet"; break; }; \
	    echo "==> $$story"; \
	    $(ONE_THREAD) MPLBACKEND=Agg $(PY) "$$story" || { echo "==> $$story failed" >&2; exit 1; }; \
	done

clean: ## remove what the tools leave behind (distclean: .venv as well)
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	@find . -name $(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	@rm -rf $(VENV)
