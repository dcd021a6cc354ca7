# make demo   the main job, from nothing: build and verify a model; train one, export it
#             verified, and classify an image with it
# make test   all tests
# Both install what is missing (ONNX Runtime, into this user's cache).

GO    ?= go
BIN   := ./alexctl
DEMO  := .demo
TOOLS := .bin
LINT  := $(TOOLS)/golangci-lint
LINT_VERSION := v2.15.0

# The kernels over oneDNN are built where it is installed with its headers, or was fetched
# by make onednn. make ONEDNN= builds without them. The library itself is found when the program
# runs: one that lacks it computes in Go.
ONEDNN := $(shell scripts/onednn flags)
ifneq ($(ONEDNN),)
export GOFLAGS := $(strip $(GOFLAGS) -tags=onednn)
ONEDNN_DIR := $(word 2,$(ONEDNN))
ifneq ($(ONEDNN_DIR),)
export CGO_CXXFLAGS := -O2 -g -I$(ONEDNN_DIR)/include
endif
endif

.PHONY: build man onednn setup demo test test-kernels race lint fuzz fuzz-cli bench bench-peers clean

build:
	$(GO) build -o $(BIN) ./cmd/alexctl

# The fastest kernels: from the system where it has them, otherwise fetched without root.
onednn:
	scripts/onednn install
	$(MAKE) build

# Manual pages, for MANPATH.
man:
	$(GO) run ./scripts/man man/man1

setup: build
	$(BIN) setup

demo: setup
	@mkdir -p $(DEMO)
	$(BIN) build --input 227 -o $(DEMO)/alexnet.onnx
	$(BIN) verify $(DEMO)/alexnet.onnx
	$(BIN) infer --model $(DEMO)/alexnet.onnx testdata/images/cat.jpg
	rm -rf $(DEMO)/run $(DEMO)/fashion.onnx
	$(BIN) train --data sample --epochs 5 --run $(DEMO)/run -o $(DEMO)/fashion.onnx
	$(BIN) verify $(DEMO)/fashion.onnx --images testdata/sample/ankle-boot.png
	$(BIN) infer --model $(DEMO)/fashion.onnx --top 3 testdata/sample/ankle-boot.png

# How long the tests of a package may take: ten minutes on a machine that does nothing else.
TIMEOUT ?= 40m

# The engines were just installed, so a test that would skip for want of one fails.
test: setup
	ALEXCTL_REQUIRE_ENGINES=1 $(GO) test -timeout $(TIMEOUT) ./...
	cd examples && $(GO) vet ./... && $(GO) test ./...

test-kernels:
	$(GO) test ./kernel/... ./runtime/gorgonia

race: setup
	ALEXCTL_REQUIRE_ENGINES=1 $(GO) test -race -short -timeout $(TIMEOUT) ./...

lint: $(LINT)
	$(GO) run ./scripts/layers -check
	$(LINT) run ./...

$(LINT):
	GOBIN=$(abspath $(TOOLS)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

# How long each fuzz target runs.
FUZZTIME ?= 30s

fuzz:
	$(GO) test ./onnx -run '^$$' -fuzz '^FuzzOpen$$' -fuzztime $(FUZZTIME)
	$(GO) test ./preprocess -run '^$$' -fuzz '^FuzzPreprocess$$' -fuzztime $(FUZZTIME)
	$(GO) test ./internal/npy -run '^$$' -fuzz '^FuzzRead$$' -fuzztime $(FUZZTIME)
	$(GO) test ./internal/pickle -run '^$$' -fuzz '^FuzzRead$$' -fuzztime $(FUZZTIME)

# Damaged models, pictures, data and flags against the command line's contract.
FUZZCLITIME ?= 10m
fuzz-cli: setup
	$(GO) run ./scripts/fuzzcli -program $(BIN) -time $(FUZZCLITIME)

bench: setup
	bench/run

# The same work on PyTorch, ONNX Runtime, stock Gorgonia and GoMLX, in the same minutes.
bench-peers: setup
	bench/peers/run $(PEERS)

clean:
	rm -rf $(BIN) $(DEMO) $(TOOLS)
