# Every target is one line or a script; `make help` lists them.
FUZZTIME ?= 5s
KILLS    ?= 200

.DEFAULT_GOAL := help
.PHONY: help build demo test race lint fuzz bench load growth proofs reword compat e2e kills replicas reliability golden clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Inlined, the generated code of Kubernetes' objects and of AWS's clients, little of which ever runs, is 4 MB larger.
build: ## build bin/irsa-emu, static
	@CGO_ENABLED=0 go build -trimpath -gcflags=k8s.io/api/...=-l -gcflags=github.com/aws/aws-sdk-go-v2/service/...=-l -ldflags='-s -w' -o bin/irsa-emu ./cmd/irsa-emu

demo: build ## run the built-in scenarios and show what happened
	@bin/irsa-emu run

test: ## the fast tests: no Docker, no network, under a minute
	go test -p 4 -parallel 8 -timeout 30m ./...

race: ## the fast tests under the race detector
	go test -race -timeout 30m ./...

lint: ## gofmt, go vet, staticcheck, govulncheck
	@.ci/lint

fuzz: ## every fuzz target for FUZZTIME
	@.ci/fuzz $(FUZZTIME)

bench: ## the benchmarks, the end-to-end ratios last
	@.ci/bench

load: build ## the built binary under load, beside baselines; LOAD=full takes longer
	@go run ./compat/load $(if $(filter full,$(LOAD)),-full)

growth: build ## how who, prove and diff grow with the number of roles
	@go run ./compat/load -proofs

proofs: ## 10,000 generated policies held against the STS, and mutants of the analyser
	@PROVE_POLICIES=$(or $(PROVE_POLICIES),10000) go test -count 1 -run "Soundness|Worst" -timeout 30m -v ./prove
	@PROVE_MUTANTS=1 go test -count 1 -run Mutants -timeout 60m -v ./prove

reword: ## all messages worded anew: no test but those of words may fail, for no decision is taken by reading English
	@go run ./compat/reword

compat: build ## real clients against the built binary
	@compat/run

e2e: ## the scenarios for pods, on a real kind cluster, and kubectl by aws eks get-token on up's
	@.ci/e2e

kills: build ## kill the emulator KILLS times while it writes to a file; nothing may be lost
	@.ci/kills $(KILLS)

replicas: build ## three replicas on a real etcd of three members, through faults; needs root
	@.ci/replicas

reliability: build ## make the tables of docs/reliability.md anew: all stores, kills, replicas; needs root
	@.ci/reliability

golden: ## rewrite the golden files from what the code says now
	go test ./... -update

clean: ## remove what was built
	rm -rf bin dist
