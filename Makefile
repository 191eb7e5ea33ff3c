# The people's door. `make` alone says what there is.

, := ,
CARGO ?= cargo
PROFILE ?= debug
TARGET := $(or $(CARGO_TARGET_DIR),target)
LIB := $(TARGET)/$(PROFILE)/libkeyfob.so
CARGO_PROFILE := $(if $(filter release,$(PROFILE)),--release)
# The store on many machines is tried with the rest; a release has it where FEATURES=redis says so.
FEATURES ?= $(if $(CARGO_PROFILE),,redis)
# Beside an rlib cargo does no link-time optimisation, so a release is built without one.
CARGO_BUILD := $(if $(CARGO_PROFILE),rustc --lib --release --features capi --crate-type=cdylib$(,)staticlib,build)

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INSTALL_PROFILE ?= release
# For these alone: what a test installs elsewhere must not inherit where this would go.
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export LIBDIR := $(LIBDIR)
install uninstall: export DESTDIR := $(DESTDIR)

CFLAGS ?= -O1 -g
C_STRICT := -std=c99 -Wall -Wextra -pedantic -Werror -Iinclude
CXX_STRICT := -std=c++17 -Wall -Wextra -pedantic -Werror -Iinclude

# Where the system's Node is too old, tools/setup has put another one there.
export PATH := $(abspath $(TARGET))/setup/bin:$(PATH)

# Those that need another library are built by their tests.
C_EXAMPLES := $(patsubst examples/c/%.c,$(TARGET)/$(PROFILE)/c/%,$(filter-out %-store.c %-curl.c %-mqtt.c %-uv.c %-glib.c,$(wildcard examples/c/*.c)))

help: ## say what there is
	@awk -F':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Build

build: ## the library, debug; PROFILE=release for the real thing
	$(CARGO) $(CARGO_BUILD) $(if $(FEATURES),--features $(FEATURES))
	@ln -sf libkeyfob.so $(TARGET)/$(PROFILE)/libkeyfob.so.0

cli: build ## the program keyfob, on the public ABI
	$(CC) $(CFLAGS) $(C_STRICT) -D_POSIX_C_SOURCE=200809L -o $(TARGET)/$(PROFILE)/keyfob cli/*.c \
		-L$(TARGET)/$(PROFILE) -lkeyfob -ldl -Wl,-rpath,$(abspath $(TARGET)/$(PROFILE))

simulator: ## the simulated clouds
	$(CARGO) build $(CARGO_PROFILE) -p keyfob-simulator

node-package: ## the Node package as one file, into target/package: npm install FILE
	@mkdir -p $(TARGET)/package
	cd bindings/node && npm pack --silent --pack-destination $(abspath $(TARGET))/package

$(TARGET)/$(PROFILE)/c/%: examples/c/%.c include/keyfob.h | build
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(C_STRICT) -o $@ $< -L$(TARGET)/$(PROFILE) -lkeyfob -Wl,-rpath,$(abspath $(TARGET)/$(PROFILE))

try: ## the clouds, simulated, until Ctrl-C: lines to paste, and a page for your browser
	@$(MAKE) --no-print-directory -s cli simulator
	@echo 'In another terminal, so that it finds keyfob:   export PATH=$(abspath $(TARGET)/$(PROFILE)):$$PATH'
	@$(TARGET)/$(PROFILE)/keyfob-simulator --port-base 4700

demo: ## the four clouds, simulated, and the examples of all languages talking to them
	@tools/setup demo
	@$(MAKE) --no-print-directory build simulator $(C_EXAMPLES)
	examples/demo $(TARGET)/$(PROFILE)
	examples/demo-languages $(TARGET)/$(PROFILE)

install: ## library, headers, keyfob, keyfob-simulator, manual: PREFIX=/usr/local, DESTDIR=
	@$(MAKE) --no-print-directory build simulator PROFILE=$(INSTALL_PROFILE)
	packaging/install $(TARGET)/$(INSTALL_PROFILE)

uninstall: ## what make install put there
	packaging/install --uninstall $(TARGET)/$(INSTALL_PROFILE)

##@ Test: tests/README.md says what each proves, and how to run one test

TESTS := lint test-rust test-c test-cli test-docs test-store test-cpp test-conformance test-python test-node test-mqtt test-languages test-machines test-servers-light test-install

test: ## everything, on a machine that has Rust, gcc and make: the rest is installed, or asked for
	@tools/setup test
	@$(MAKE) --no-print-directory $(TESTS)

setup: ## install what the tests need, or say how
	@tools/setup test

lint: ## formatting and lints of all languages
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	tools/declarations --check

test-rust: ## the library and the simulator
	$(CARGO) test --workspace --features keyfob/fuzzing,keyfob/redis

test-c: build simulator $(C_EXAMPLES) ## the C ABI from C: header, symbols, misuse, examples
	tests/suites/c/run $(TARGET)/$(PROFILE)
	tests/suites/c/borrowed $(TARGET)/$(PROFILE)

test-cli: cli simulator ## the program keyfob
	tests/suites/cli/run

test-docs: cli simulator ## the pages of docs/, followed as they are printed; systemd units under a systemd
	tests/suites/docs/run

test-store: build simulator ## what every store promises, from C: memory, files, Redis, your own in SQLite and PostgreSQL
	tests/suites/store/run $(TARGET)/$(PROFILE)

test-cpp: build simulator ## the C++ header and its example
	tests/suites/cpp/run

test-conformance: build simulator ## the table of tests/conformance.json, from C and C++
	tests/suites/conformance/check

test-python: build simulator ## the Python package
	bindings/python/check

test-node: build simulator ## the Node package
	bindings/node/check

test-mqtt: build simulator ## MQTT sessions for hours of wound time, and what each cloud's broker demands
	tests/suites/mqtt/run

test-languages: build simulator ## processes of all languages with one store
	tests/suites/languages/run

test-machines: build simulator ## eight machines with boots and clocks of their own, over one Redis
	tests/suites/machines/run

test-servers-light: build ## real servers that start in seconds: oidc-provider, django-oauth-toolkit, Node-RED
	tests/servers/run

test-install: simulator ## make install, and projects that use what it installed
	tests/suites/consumer/run

##@ Test longer

test-runtimes: build simulator ## a token and a request on CPython 3.9 to 3.14, PyPy, Node 20 to 24, Bun and Deno
	tests/suites/runtimes/run

test-setup: ## make test's set-up and make demo on a Debian 12 just made, with Rust, gcc and make alone; as root
	tests/suites/setup/run

test-page: simulator ## the simulator's page, in headless Chromium
	@tools/setup page
	tests/suites/page/run

test-servers: build ## all real servers, downloaded once into a cache; writes docs/SERVERS.md
	@tools/setup servers
	tests/servers/run --write all

fleet: ## a million gateways at one token endpoint: the table and the pictures of docs/FLEET.md
	$(CARGO) run --release --quiet --features fuzzing --example fleet -- 1000000 docs/img

# The sanitizer's runtime comes with the stable toolchain; only its flag is called unstable. Leaks
# are valgrind's to find, in test-c: what tests leave for their process's end is none here. The search
# of a process's whole memory is left out, which is 14 TB of shadow under the sanitizer, and so is what
# bounds its address space; and the two programs of loom, which changes stacks unseen by the sanitizer,
# that takes one stack for another then.
UNDER_ASAN = it processes $(filter-out late_answers single_flight, $(basename $(notdir $(wildcard tests/*.rs simulator/tests/*.rs))))

asan: ## the library and the simulator under AddressSanitizer
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=detect_leaks=0 CARGO_TARGET_DIR=$(TARGET)/asan \
		$(CARGO) test --workspace --lib --bins $(UNDER_ASAN:%=--test=%) --features keyfob/fuzzing,keyfob/redis --no-fail-fast \
		--target $(shell rustc -vV | sed -n 's/^host: //p') -- --skip no_more_is_left_in_memory --skip little_memory

test-shallow: ## units and `it` where `{:?}` shows names of types alone, as in a release
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zfmt-debug=shallow CARGO_TARGET_DIR=$(TARGET)/shallow \
		$(CARGO) test --features keyfob/fuzzing,keyfob/redis --lib --test it

fuzz: ## ten minutes of each fuzzer
	fuzz/run

soak: cross ## the long form: other processors, processes that share a store, a thousand kills; KEYFOB_SOAK_* says how long
	$(CARGO) test --test processes -- --ignored --nocapture soak
	$(CARGO) test --features redis --test redis -- --ignored --nocapture soak
	$(MAKE) --no-print-directory build simulator
	tests/suites/machines/run $(or $(KEYFOB_SOAK_MACHINES_S),300)
	$(CARGO) test --test it -- --ignored --nocapture deadlines::soak

##@ Write what is generated

book: ## the pages of docs/ as a book with search, in target/book; builds mdbook once, into a cache
	tools/book --check

headers: ## include/keyfob.h, and what the bindings declare, from the source
	$(CARGO) build --features headers
	tools/declarations

docs: ## the generated pages of docs/, and what make house writes
	$(CARGO) test --test it -- --ignored generated_docs::write house::draw
	$(CARGO) test --lib -- --ignored schema::write
	tools/pictures

house: ## the map of src/, which room uses which: printed, and into CONTRIBUTING.md and docs/img/
	@$(CARGO) test --quiet --test it -- --ignored --nocapture --format terse house::draw | sed '/^$$/d; /^running /d; /^test result/d; /^\.$$/d'

##@ Measure

bench: SHELL := bash
bench: .SHELLFLAGS := -o pipefail -c
bench: ## the figures of docs/BENCHMARKS.md, and their bars, into target/bench/
	@tools/setup bench
	@$(MAKE) --no-print-directory build simulator PROFILE=release
	@mkdir -p $(TARGET)/bench
	{ benches/run && benches/bodies && bindings/python/bench && node bindings/node/bench.mjs; } | tee $(TARGET)/bench/figures.md
	tools/pictures --run $(TARGET)/bench

size: simulator ## how large the library is, of what, and what a cold token costs; CROSS=all for every target
	@$(MAKE) --no-print-directory build PROFILE=release
	@tools/setup cross
	tools/cross $(CROSS)
	benches/cold
	tools/size

##@ Release

cross: simulator ## the library as it is released, for three processors, tried; CROSS=all for every target there is
	@tools/setup cross
	tools/cross $(CROSS)
	tests/suites/cross/run $(CROSS)
	tools/size --quick

dist: simulator ## what a release is made of, into dist/, tried as a stranger would; CROSS=all for every target
	@tools/setup cross dist
	tools/cross $(CROSS)
	tools/cross --redis $(CROSS)
	tools/cross --simulator $(CROSS)
	tools/size --quick
	tools/dist $(CROSS)
	tests/suites/dist/pages
	tests/suites/dist/run
	tests/suites/dist/recipes

# Every target is a name for work, but for the examples'.
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))
