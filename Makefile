# Everything that one does with this repository; `make help` lists it.
# On a fresh Debian 12 machine root, git, make and python3 are enough to begin with.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
# Tests with real peers wait more than they compute: one more of them than a small machine has cores.
LIVE_JOBS ?= 3
# Tests start bras some hundred times: with bytecode that is kept in half the time, and so in the machine of the guest.
export PYTHONDONTWRITEBYTECODE =

# To build, and to run the demo in namespaces.
PACKAGES := python3-venv iproute2 clang llvm libbpf-dev linux-libc-dev libbpf1
# To judge: real peers, dissectors, systemd-analyze for the unit, a compiler for mypyc, a machine with another kernel.
TEST_PACKAGES := user-mode-linux kmod procps iputils-ping xl2tpd l2tpns ppp freeradius freeradius-utils tshark tcpdump \
	prometheus systemd gcc libc6-dev python3-dev qemu-system-x86 busybox-static iperf3 ethtool nftables tmux man-db groff

# The programs of the eBPF data plane; the wheel has them, so that nobody else needs a compiler.
BPF := bras/dataplane/bpf
OBJECT := $(BPF)/bras.bpf.o
BPF_FLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror -I/usr/include/$(shell uname -m)-linux-gnu

PYTEST := $(BIN)/pytest -q
# Who may run beside whom is said in tests/conftest.py.
PARALLEL := --dist loadscope --no-loadscope-reorder
QUICK := tests/unit tests/property tests/scenario tests/architecture tests/fuzz/test_replay.py \
	--ignore=tests/architecture/test_mypyc.py --ignore=tests/architecture/test_alerts.py

.DELETE_ON_ERROR:
.PHONY: help deps test-deps build format lint check guest test test-long bench demo wheel clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

deps:  ## Debian packages to build and run
	@.ci/packages $(PACKAGES)

test-deps:  ## Debian packages for the tests: real peers, compiler, dissectors
	@.ci/packages $(PACKAGES) $(TEST_PACKAGES)

build: $(VENV)/.built $(OBJECT)  ## .venv with bras and the development tools; leaves .venv/bin/bras

$(OBJECT): $(wildcard $(BPF)/*.c $(BPF)/*.h) | deps
	clang $(BPF_FLAGS) -c $(BPF)/bras.bpf.c -o $@
	llvm-strip -g $@

$(VENV)/.built: pyproject.toml | deps $(OBJECT)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bras needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 5 -e '.[dev,mschap]'
	@touch $@

format: build  ## ruff: sort imports, format
	$(BIN)/ruff check --select I --fix bras tests
	$(BIN)/ruff format bras tests

lint: build
	$(BIN)/ruff format --check bras tests
	$(BIN)/ruff check bras tests
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

check: test-deps lint  ## style, types, imports, and the tests that need no root (under 90 s)
	BRAS_STORM_SEEDS=50 BRAS_CRASH_SEEDS=5 $(PYTEST) -n $(JOBS) $(PARALLEL) $(QUICK)

$(VENV)/.fuzz: $(VENV)/.built
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 5 -e '.[fuzz]'
	@touch $@

build/guest/initrd: .ci/guest-kernel | test-deps
	@.ci/guest-kernel $(@D)
	@touch $@

guest: build/guest/initrd  ## Debian 12's kernel, for the machine in which tests run on it

test: test-deps lint guest wheel $(VENV)/.fuzz  ## check, and the judges: real peers, kernel, mypyc (root; under 15 minutes)
	BRAS_STORM_CALLS=50 $(PYTEST) -n $(LIVE_JOBS) $(PARALLEL) tests

test-long: test-deps lint guest wheel $(VENV)/.fuzz  ## test, and soaks, crashes, deep fuzzing (an hour)
	BRAS_STORM_CALLS=1000 BRAS_CRASH_SEEDS=300 BRAS_SOAK_CALLS=20000 BRAS_BOOKS_SESSIONS=10000 BRAS_HOUR_SESSIONS=600 BRAS_OUTAGE_HOURS=24 BRAS_FUZZ_INPUTS=10000000 HYPOTHESIS_PROFILE=deep $(PYTEST) --timeout=20000 -n $(LIVE_JOBS) $(PARALLEL) tests

bench: build guest  ## set-ups a second, microseconds and octets a session, packets a second
	$(BIN)/python -m tests.benchmark

demo: build  ## an LNS, a LAC and subscribers in namespaces of their own (root)
	$(BIN)/bras lab demo

wheel: build  ## a wheel in dist/
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w dist .

clean:  ## remove what the targets made
	rm -rf $(OBJECT) $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find bras tests -name __pycache__ -type d -prune -exec rm -rf {} +
