// Command protoc-gen-venta-observability is a plugin of buf and protoc. It writes what
// watches an API that protoc-gen-venta-gateway serves, from the same annotations:
// recording rules and alerts for Prometheus, dashboards for Grafana, and a page of
// runbooks.
//
//	plugins:
//	  - local: protoc-gen-venta-observability
//	    out: deploy/observability/generated
//	    strategy: all
//
// One run must see all schemas (strategy: all; protoc has no other), as it writes
//
//	prometheus/rules.yaml     recording rules and alerts
//	grafana/NAME.json         dashboards: overview, versions, method, policy, fleet
//	runbooks.md               what to do for each alert
//
// An RPC with the block objective gets alerts on how fast it burns its error budget;
// see venta/policy/v1/policy.proto. The other alerts need no annotation.
//
// The options are
//
//	job=venta                        the job that Prometheus scrapes the gateways as
//	floor=5                          failures below which no alert on requests fires
//	grafana_url=https://grafana      where alerts find the dashboards; default: none, a path alone
//	runbooks_url=https://docs/page   where alerts find the runbooks; default: runbooks.md
//	native_histograms=true           for gateways with telemetry.native_histograms
//	time_scale=60                    each duration of a rule is divided by it: to see alerts
//	                                 fire in a trial, and for nothing else
//
// and those of protoc-gen-venta-gateway that say which routes there are
// (grpc_api_configuration, generate_unbound_methods, allow_delete_body) and where the
// files are that messages name (module_root). The flag -version prints the version.
package main

import (
	"fmt"
	"os"

	"github.com/venta-hq/venta/plugins/internal/program"
)

func main() {
	if program.IsVersion(os.Args[1:]) {
		fmt.Println("protoc-gen-venta-observability", program.Version()) //nolint:forbidigo // a program that is asked for its version
		return
	}
	if err := program.Serve(os.Args[1:], os.Stdin, os.Stdout, generate); err != nil {
		fmt.Fprintln(os.Stderr, "protoc-gen-venta-observability:", err)
		os.Exit(1)
	}
}
