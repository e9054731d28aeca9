# `make` lists the targets. Every target sets itself up; tools go to bin/, which
# git ignores.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Developer tools are pinned here, apart from go.mod, which lists what the
# product needs. protoc-gen-go is built from the version in go.mod, so that
# generated code always fits the runtime.
BUF_VERSION := v1.75.0
PROTOC_GEN_GO_GRPC_VERSION := v1.6.2
GOLANGCI_LINT_VERSION := v2.15.0
APIDIFF_VERSION := v0.0.0-20261014143641-f0251eb4aa3e
# This is 2.13.0, the image of deploy/observability.
JAEGER_VERSION := v1.76.0
AXE_VERSION := 4.14.1

BIN := $(CURDIR)/bin
GO_SOURCES := $(shell find cmd gateway gen internal plugins services -name '*.go' 2>/dev/null) go.mod go.sum
PLUGIN_SOURCES := $(filter plugins/% gateway/policy/% gateway/transcode/httprule/% gen/venta/policy/% go.mod go.sum,$(GO_SOURCES))

ORACLE := gateway/transcode/oracle
GENERATORS := third_party bin/buf bin/protoc-gen-go bin/protoc-gen-go-grpc

.PHONY: help
help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-15s %s\n", $$1, $$2}'

.PHONY: run
run: bin/venta ## Run the gateway and all services in one process (data in .venta/).
	@exec bin/venta dev

.PHONY: build
build: bin/venta bin/protoc-gen-venta-gateway bin/protoc-gen-venta-observability ## Build the binaries into bin/.

bin/venta: $(GO_SOURCES)
	go build -o $@ ./cmd/venta

bin/protoc-gen-venta-%: $(PLUGIN_SOURCES)
	go build -o $@ ./plugins/$(@F)

.PHONY: test
test: bin/buf bin/otelcol bin/axe.min.js ## Run all tests with the race detector, the built binary included.
	@# The race detector needs a C compiler.
	@tools/need.sh "$$(go env CC)=gcc,libc6-dev" redis-server=redis-server initdb=postgresql prometheus=prometheus amtool=prometheus-alertmanager protoc=protobuf-compiler,libprotobuf-dev
	@tools/need.sh chromium=chromium # the admin page is looked at
	CGO_ENABLED=1 go test -race -timeout 20m ./...

.PHONY: alerts
alerts: ## See the generated alerts fire and clear in a real Prometheus, with their real durations (17 minutes).
	@tools/need.sh "$$(go env CC)=gcc,libc6-dev" prometheus=prometheus
	go test -timeout 60m -count 1 -run TestAlertsFireAndClear ./cmd/venta -time-scale=1

.PHONY: series
series: ## Send a million requests that differ in everything, and see that they make no series (minutes).
	VENTA_TEST_REQUESTS=1000000 go test -timeout 60m -count 1 -v -run TestClientsMakeNoSeries ./gateway

.PHONY: stack
stack: bin/otelcol bin/jaeger ## Run what looks at gateways without containers: Prometheus, the collector, Jaeger.
	@tools/need.sh prometheus=prometheus
	go test -count 1 -v -run TestStack ./cmd/venta -jaeger=$(BIN)/jaeger

.PHONY: page-bench
page-bench: ## Print how long the admin page takes with 500 methods: the first picture, and an update.
	@tools/need.sh chromium=chromium
	go test -run '^$$' -bench Page -benchtime 20x -count 1 ./gateway/process

.PHONY: screenshots
screenshots: bin/buf bin/venta ## Take the pictures of docs/images from live runs (minutes).
	@tools/need.sh prometheus=prometheus chromium=chromium font-of-pictures=fonts-inter # no program: it is asked for each time
	go run ./tools/screenshots
	go test -count 1 -timeout 20m -run TestFromScrapeToAlert ./docs -pictures

.PHONY: generate
generate: $(GENERATORS) ## Generate gen/, rules and dashboards from proto/.
	@bin/buf generate --template buf.gen.policy.yaml # the plugin imports what this writes
	@$(MAKE) bin/protoc-gen-venta-gateway bin/protoc-gen-venta-observability
	@bin/buf generate

# Upstream's own handlers, which benchmarks and tests compare ours with.
.PHONY: generate-peers
generate-peers: generate bin/protoc-gen-grpc-gateway ## Generate grpc-gateway's handlers for bench/ and the oracle.
	@bin/buf generate --template bench/buf.gen.yaml
	@bin/buf generate --config gateway/gatewaytest/buf.yaml --template gateway/gatewaytest/buf.gen.yaml
	@for template in buf.gen.yaml buf.gen.opaque.yaml buf.gen.options.yaml; do \
		bin/buf generate --config $(ORACLE)/buf.yaml --template $(ORACLE)/$$template; \
	done

.PHONY: kills
kills: ## Kill the services 200 times on each database while they write: no event is lost (half an hour).
	KILLS=200 go test ./cmd/venta -run 'TestKills' -v -timeout 3h

.PHONY: bench
bench: ## Compare with stock grpc-gateway and net/http in one run (needs wrk).
	go run ./bench

.PHONY: bench-fleet
bench-fleet: ## Compare limits and cache over Redis with the same by hand (2 minutes).
	@tools/need.sh redis-server=redis-server
	go run ./bench fleet

.PHONY: cache-tests
cache-tests: ## Run the public suite for HTTP caches against gateway/cache (downloads it; needs node).
	@tools/need.sh node=nodejs npm=npm
	go run ./tools/cachetests

.PHONY: chaos
chaos: ## Break things around the gateway's binary; print what clients saw.
	go run ./chaos

.PHONY: attack
attack: ## Attack the gateway's binary as hostile clients do; print expected and got.
	go run ./chaos attack

# The schemas that ours import from elsewhere, printed from the pinned modules.
third_party: $(wildcard internal/schemas/*.go internal/schemas/print/*.go) go.mod
	rm -rf $@
	go run ./internal/schemas/print -out $@

.PHONY: check
check: lint breaking api current ## Check style, compatibility and that gen/ is current.

.PHONY: lint
lint: third_party bin/buf bin/golangci-lint
	bin/buf lint
	bin/buf format proto --diff --exit-code
	go vet ./...
	bin/golangci-lint run

.PHONY: breaking
breaking: third_party bin/buf
	tools/breaking.sh

.PHONY: api
api: bin/apidiff
	tools/api.sh

.PHONY: current
current: $(GENERATORS) bin/protoc-gen-venta-gateway bin/protoc-gen-venta-observability
	tools/current.sh

.PHONY: fmt
fmt: third_party bin/buf ## Format Go and proto sources.
	gofmt -w bench chaos cmd gateway internal plugins services tools
	bin/buf format proto --write

.PHONY: clean
clean: ## Remove binaries, tools and printed schemas; data stays.
	rm -rf bin third_party

bin/buf: Makefile
	GOBIN=$(BIN) go install github.com/bufbuild/buf/cmd/buf@$(BUF_VERSION)
	@touch $@

bin/golangci-lint: Makefile
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@touch $@

# A module of its own: what it requires is not the product's.
bin/otelcol: $(wildcard tools/otelcol/*)
	cd tools/otelcol && go build -o $(BIN)/otelcol .

bin/jaeger: tools/jaeger.sh
	tools/jaeger.sh $(JAEGER_VERSION) $@

bin/apidiff: Makefile
	GOBIN=$(BIN) go install golang.org/x/exp/cmd/apidiff@$(APIDIFF_VERSION)
	@touch $@

# What the tests look at the admin page with; nobody else runs it. npm checks what it gets.
bin/axe.min.js: Makefile
	@tools/need.sh npm=npm
	@mkdir -p $(@D)
	tar -xzOf "$$(cd $(BIN) && realpath "$$(npm pack --silent axe-core@$(AXE_VERSION))")" package/axe.min.js > $@
	rm -f bin/axe-core-*.tgz

bin/protoc-gen-go: go.mod
	go build -o $@ google.golang.org/protobuf/cmd/protoc-gen-go

bin/protoc-gen-grpc-gateway: go.mod
	GOBIN=$(BIN) go install github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway@$$(go list -m -f '{{.Version}}' github.com/grpc-ecosystem/grpc-gateway/v2)
	@touch $@

bin/protoc-gen-go-grpc: Makefile
	GOBIN=$(BIN) go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@$(PROTOC_GEN_GO_GRPC_VERSION)
	@touch $@
