# Building is PGXS; everything else is a script in tools/ (make help).

EXTENSION = ledger_agents
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" ledger_agents.control)
SCRIPT = ledger_agents--$(EXTVERSION).sql
PARTS = $(sort $(wildcard sql/[0-9][0-9]_*.sql))
# What is new since 1.0 is in parts of its own; a release freezes the script, as it does the full one.
SINCE_1_0 = $(patsubst %, sql/%.sql, 22_customer 37_token_list 84_adoption 87_keep 94_level 95_health)
UPDATES = ledger_agents--1.0--1.1.sql
DATA_built = $(SCRIPT) $(UPDATES)
DATA = $(filter-out sql/$(SCRIPT), $(wildcard sql/ledger_agents--*.sql))

MODULE_big = ledger_agents
OBJS = $(patsubst %.c, %.o, $(sort $(wildcard src/*.c)))
# What -Wextra says about the server's own headers and idioms is left out.
PG_CFLAGS = -Wall -Wextra -Werror=implicit-function-declaration \
	-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
# make MUTANT=n builds with one safeguard taken out, make FAULT=1 what fails on purpose; see test/README.md.
PG_CPPFLAGS = -DLA_VERSION='"$(EXTVERSION)"' $(if $(MUTANT), -DLA_MUTANT=$(MUTANT)) $(if $(FAULT), -DLA_FAULT)
# make COVERAGE=yes builds with gcov's counters; see tools/coverage.
PG_CFLAGS += $(if $(COVERAGE), -O0 --coverage -Wno-cpp)
SHLIB_LINK = $(if $(COVERAGE), --coverage)
# No bitcode: inlining these functions gains nothing, and it needs clang.
override with_llvm := no

tests = $(basename $(notdir $(sort $(wildcard $(1)))))
REGRESS = $(filter setup, $(call tests, test/sql/*.sql)) $(filter-out setup, $(call tests, test/sql/*.sql))
ISOLATION = $(call tests, test/specs/*.spec)
# The launcher overrides the zone and the date style that the drivers force on psql.
DRIVER_OPTS = --inputdir=test --load-extension=ledger_agents --launcher="env PGTZ=UTC PGDATESTYLE=ISO"
REGRESS_OPTS = $(DRIVER_OPTS)
ISOLATION_OPTS = $(DRIVER_OPTS) --outputdir=.
EXTRA_CLEAN = $(wildcard ledger_agents--*.sql) src/shipped.inc results regression.diffs regression.out tmp_check

PG_CONFIG ?= pg_config
export PG_CONFIG
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

all:			## build the module and the install script (the default)
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
else
all install installcheck clean:
	@echo "$(PG_CONFIG) knows of no server headers: run tools/setup, or set PG_CONFIG" >&2; exit 1
endif

$(OBJS): $(wildcard src/*.h) Makefile ledger_agents.control

# What the test "surface" has accepted, for health_check().
src/health.o: src/shipped.inc
src/shipped.inc: expected/surface.out Makefile
	sed -n '/\t.*\t.*\t/{s/[\\"]/\\&/g;s/\t/\\t/g;s/.*/"&",/;p}' $< >$@

$(SCRIPT): $(PARTS) ledger_agents.control Makefile
	{ printf '%s\n' '\echo Use "CREATE EXTENSION ledger_agents" to load this file. \quit'; cat $(PARTS); } >$@

ledger_agents--1.0--1.1.sql: sql/1.0--1.1.begin.sql $(SINCE_1_0) sql/99_access.sql sql/1.0--1.1.sql Makefile
	{ printf '%s\n' '\echo Use "ALTER EXTENSION ledger_agents UPDATE" to load this file. \quit'; \
		cat sql/1.0--1.1.begin.sql $(SINCE_1_0); \
		sed -n "/^CREATE FUNCTION ledger_agents.grant_access/,/';$$/{s/^CREATE/CREATE OR REPLACE/;p}" sql/99_access.sql; \
		cat sql/1.0--1.1.sql; } >$@

#install:		## into the server that PG_CONFIG names
#installcheck:		## transcripts and isolation tests on a running server with the extension installed
#clean:			## remove what was built
demo:			## set up what is missing, then tell the whole story on a throw-away server
	@tools/setup && tools/sandbox tools/with-server -- example/demo
test:			## set up what is missing, then all runners (ONLY=regress, TESTS="agent card")
	@tools/test
test-accept:		## the same, then take what came out as expected/, for review with git diff
	@ACCEPT=yes tools/test
soak:			## the tests for hours, with other seeds (SOAK_MINUTES=240, SOAK="crashes model")
	@tools/soak $(SOAK)
coverage:		## how much of the C the tests run through (COVERAGE_LIST=yes)
	@tools/coverage
test-matrix:		## the tests, on the servers of other releases of Debian, in chroots (as root)
	@tools/matrix $(MATRIX)
bench:			## the table of ratios
	@tools/setup bench && tools/sandbox -o bench tools/with-server -c max_connections=200 -c shared_buffers=512MB \
		-c max_wal_size=4GB -- bench/run
sanitize:		## regress, isolation and pgtap on a server that watches its memory (AddressSanitizer, undefined behavior)
	@tools/sanitize
valgrind:		## some transcripts on a server under valgrind
	@tools/valgrind
fuzz:			## inputs made up for all parts that need no table (FUZZ_SECONDS=60 for each)
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-60} ONLY=tap TESTS=032_fuzz GROUP_TIMEOUT=$${GROUP_TIMEOUT:-86400} tools/test
lint:			## format, house rules, compile with -Werror
	@tools/setup lint && tools/sandbox -s tools/lint
indent:			## bring src/typedefs.list up to date and format src/
	@tools/setup lint && tools/indent
help:			## this
	@sed -nE 's/^#?([a-z-]+):\t+## /\1\t/p' Makefile | expand -t 14
.PHONY: all install installcheck clean demo test test-accept test-matrix soak fuzz sanitize valgrind coverage bench lint indent help
