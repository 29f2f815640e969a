# The commands of the house. Everything they need is Python 3.11+; the rest they fetch.
#
#   make demo    run everything in the foreground on http://localhost:$(PORT); Ctrl-C stops it
#   make reset   empty the demo's data
#   make test    run the whole suite, beside a running demo (ARGS="-k caps" goes to pytest)
#   make check   lint, types, contracts between packages, migrations
#   make bench   measure, as JSON and a table
#   make verify-million   decide a million times and make each again in other processes (ARGS="--count 10000")
#   make golden  decide the golden corpus again (ARGS=--draw makes its inputs anew)
#   make soak-clients   200 simulated devices over 30 days, offline and with wrong clocks; some minutes
#
# DATABASE_URL and REDIS_URL name servers of your own instead of the embedded ones.

PORT ?= 8000
MERCH_HOME ?= .local
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python3.14,\
	$(shell $(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)) python3)
ARGS ?=
export PORT MERCH_HOME

RUN := .venv/bin/python
# Tests and checks have a home of their own, so that a demo may run beside them.
EMBEDDED := $(RUN) -m config.embedded exec --home $(MERCH_HOME)/test --test --

.PHONY: demo reset test check bench verify-million golden soak-clients install install-dev install-bench

demo: install
	@$(RUN) -m config.demo run --end-with-parent

reset: install
	@$(RUN) -m config.demo reset

test: install-dev
	@$(EMBEDDED) $(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: install-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy .
	.venv/bin/lint-imports
	$(EMBEDDED) $(RUN) manage.py makemigrations --check --dry-run
	$(EMBEDDED) $(RUN) manage.py check

bench: install-bench
	@$(RUN) -m config.embedded exec --home $(MERCH_HOME)/bench -- $(RUN) -m benchmarks.run $(ARGS)

golden: install-dev
	@DJANGO_SETTINGS_MODULE=config.settings.test $(RUN) -m tests.golden.generate $(ARGS)

soak-clients: install-dev
	@$(EMBEDDED) $(RUN) -m pytest -s -m soak tests/clients $(ARGS)

verify-million: install-dev
	@$(RUN) -m benchmarks.million $(ARGS)

install:
	@$(PYTHON) config/install.py

install-bench:
	@$(PYTHON) config/install.py --bench

install-dev:
	@$(PYTHON) config/install.py --dev
