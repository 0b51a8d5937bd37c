# signalbox: `make up` runs the mesh, `make test` proves it. `make help` lists the rest.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-print-directory
.DEFAULT_GOAL := help

# One way to compile: the tests, the linters, the program and its images find what any of them, in any checkout, has compiled.
export GOFLAGS     ?= -trimpath
export CGO_ENABLED ?= 0

GO   ?= go
ARGS ?=
PKGS ?= ./...
PART ?=
BENCH_PKGS ?= $(shell grep -rl --include='*_test.go' '^func Benchmark' sidecar maintenance services internal | xargs -n1 dirname | sort -u | sed 's|^|./|')
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# What is built once for all checkouts lies outside the repository.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/signalbox/bin

LINT_VERSION = $(shell sed -n 's|.*golangci-lint/v2 \(v[^ ]*\).*|\1|p' tools/lint/go.mod)
LINT         = $(CACHE)/golangci-lint-$(LINT_VERSION)-$(shell $(GO) env GOVERSION GOOS GOARCH | paste -sd-)

JAEGER_VERSION = $(shell sed -n 's|.*jaegertracing/jaeger \(v[^ ]*\).*|\1|p' tools/jaeger/go.mod)
JAEGER         = $(CACHE)/jaeger-$(JAEGER_VERSION)-$(shell $(GO) env GOVERSION GOOS GOARCH | paste -sd-)

COLLECTOR_VERSION = $(shell sed -n 's|.*/tailsamplingprocessor \(v[^ ]*\).*|\1|p' tools/collector/go.mod)
COLLECTOR         = $(CACHE)/collector-$(COLLECTOR_VERSION)-$(shell $(GO) env GOVERSION GOOS GOARCH | paste -sd-)

# Packages whose promises are about concurrency. The race detector makes a test some five times slower, so
# that these are the ones CI affords; RACE_PKGS=./... runs it over all.
RACE_PKGS ?= ./internal/servers/guard ./sidecar ./sidecar/bus/... ./sidecar/debug ./sidecar/fleet ./sidecar/health ./sidecar/level ./sidecar/logging \
	./sidecar/mesh/... ./sidecar/mtls ./sidecar/outbox ./sidecar/spool ./sidecar/timed ./sidecar/trace ./sidecar/web/socket

##@ Run

.PHONY: up
up: deps build ## Install what is missing, build, and run the mesh (ARGS="--demo" …)
	@exec bin/signalbox up $(ARGS)

.PHONY: build
build: ui ## Build bin/signalbox, the studio in it
	@echo 'signalbox: building bin/signalbox' >&2
	@$(GO) build -ldflags "-X main.version=$(VERSION)" -o bin/signalbox ./cmd/signalbox

# What the studio is made from. It is built anew when any of it changed; without npm the program says so on its pages.
UI         := services/web-studio/ui
UI_SOURCES := $(shell find $(UI)/src $(UI)/build $(UI)/public -type f 2>/dev/null) $(addprefix $(UI)/,index.html package.json package-lock.json tsconfig.json vite.config.ts)

.PHONY: ui
ui: $(if $(shell command -v npm),$(UI)/dist/index.html,no-npm) ## Build the studio, where Node is installed

$(UI)/dist/index.html: $(UI_SOURCES) | $(UI)/node_modules/.current
	@echo 'signalbox: building the studio' >&2
	@cd $(UI) && npm run --silent build >&2

$(UI)/node_modules/.current: $(UI)/package-lock.json
	@cd $(UI) && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --silent --no-fund --no-audit
	@touch $@

.PHONY: no-npm
no-npm:
	@echo 'signalbox: npm is missing: the program is built without the studio, and says so on its pages' >&2

.PHONY: images
images: ui ## Build the images of all services for amd64 and arm64 into dist/images, without a daemon (REGISTRY=registry.example.com/team)
	@$(GO) run ./deploy/images --version "$(VERSION)" --registry "$(REGISTRY)"

##@ Prove

.PHONY: test
test: deps-test ui test-ui ## Install what the tests need, vet, and run them all (PKGS="./sidecar/...")
	@$(GO) vet $(PKGS)
	@$(GO) test -shuffle=on -timeout 12m $(PKGS)

.PHONY: test-ui
test-ui: $(UI)/node_modules/.current ## Run the studio's unit tests; those in a browser are Go's to start (internal/e2e/studio)
	@cd $(UI) && npm run --silent test

# What is for people and no test: with the demo's traffic, in files that only their names call (e2e/*.beside.ts).
BESIDE = STUDIO_TESTS=--project=beside $(GO) test -count=1 -v -run TestInTheBrowser ./internal/e2e/studio

.PHONY: studio-pictures
studio-pictures: deps-test ui ## Take the pictures of docs/studio.md anew
	@STUDIO_UP=--demo STUDIO_BESIDE=pictures.beside.ts $(BESIDE)

.PHONY: studio-scroll
studio-scroll: deps-test ui ## How smoothly 100 000 log records scroll in the studio; docs/performance.md has the figures
	@STUDIO_BESIDE=scroll.beside.ts $(BESIDE) | grep -E 'METRIC studio_log|^(---|ok|FAIL)'

.PHONY: race
race: deps-race ## Run the concurrency-heavy packages under the race detector
	@CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout 12m $(RACE_PKGS)

.PHONY: soak
soak: deps-test ## Repeat the fault tests for long, with random schedules (PART="kill held", of scripts/soak.sh --list; SEED=… repeats)
	@GO="$(GO)" PKGS="$(PKGS)" scripts/soak.sh $(PART)

.PHONY: bench
bench: deps-test ## Run the benchmarks; docs/performance.md has the numbers
	@$(GO) test -run '^$$' -bench . -benchmem -timeout 20m $(BENCH_PKGS) | grep -v '^PASS$$'

.PHONY: lint
lint: $(LINT) check-generated ## Format, vet and lint rules; generated code is current
	@$(LINT) run

$(LINT): | tools/lint/go.mod tools/lint/go.sum # the name holds the version; a fresh clone's files are always newer
	@echo "building golangci-lint $(LINT_VERSION), once for this machine" >&2
	@mkdir -p $(CACHE)
	@cd tools/lint && $(GO) build -trimpath -ldflags '-s -w' -o $@.new github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@mv $@.new $@

.PHONY: jaeger
jaeger: $(JAEGER) ## Build Jaeger, once for this machine: the tests read traces back from it, `up --jaeger` starts it

$(JAEGER): | tools/jaeger/go.mod tools/jaeger/go.sum
	@echo "building Jaeger $(JAEGER_VERSION), once for this machine; it takes some minutes" >&2
	@mkdir -p $(CACHE)
	@cd tools/jaeger && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $@.new github.com/jaegertracing/jaeger/cmd/all-in-one
	@mv $@.new $@

.PHONY: collector
collector: $(COLLECTOR) ## Build an OpenTelemetry Collector, once for this machine: the test of docs/examples/collector runs it

$(COLLECTOR): | tools/collector/main.go tools/collector/go.mod tools/collector/go.sum
	@echo "building an OpenTelemetry Collector $(COLLECTOR_VERSION), once for this machine; it takes some minutes" >&2
	@mkdir -p $(CACHE)
	@cd tools/collector && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $@.new .
	@mv $@.new $@

##@ Generate

.PHONY: generate
generate: node_modules ## Write the generated code anew: gRPC contracts, then go generate
	@npx --no-install buf generate
	@$(GO) generate ./...
	@$(MAKE) $(UI)/node_modules/.current && cd $(UI) && npm run --silent generate

.PHONY: release-contracts
release-contracts: node_modules ## Make the contracts as they are what later ones must not break: part of a release
	@npx --no-install buf build -o buf.released.binpb --exclude-source-info

.PHONY: check-generated
check-generated: ## Fail if generated code is not current, or a contract breaks the released one
	@scripts/check-generated.sh

node_modules: package-lock.json
	@npm ci --silent --no-fund --no-audit
	@touch node_modules

##@ Look after

.PHONY: deps
deps: ## Install the servers that the mesh needs (apt-get or brew), if missing
	@scripts/deps.sh up

.PHONY: deps-test
deps-test: $(JAEGER) $(COLLECTOR) ## Install what the tests need besides
	@scripts/deps.sh test

.PHONY: deps-race
deps-race: # test's, and a C compiler
	@scripts/deps.sh race

.PHONY: fmt
fmt: $(LINT) ## Format the Go sources
	@$(LINT) fmt

.PHONY: clean
clean: ## Remove what was built here (not the mesh's state, .signalbox)
	@rm -rf bin node_modules $(UI)/node_modules $(UI)/artefacts
	@find $(UI)/dist -mindepth 1 ! -name .placeholder -delete

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
