// Command protoc-gen-venta-gateway is a plugin of buf and protoc. It compiles
// the google.api.http rules of a schema, and the venta.policy.v1 annotations
// beside them, into Go code that serves the RPCs over HTTP under those policies.
//
//	plugins:
//	  - local: protoc-gen-go
//	    out: gen
//	    opt: paths=source_relative
//	  - local: protoc-gen-go-grpc
//	    out: gen
//	    opt: paths=source_relative
//	  - local: protoc-gen-venta-gateway
//	    out: gen
//	    opt: paths=source_relative
//
// With protoc, since 3.21, that is
//
//	protoc -I proto --go_out=gen --go_opt=paths=source_relative \
//	  --go-grpc_out=gen --go-grpc_opt=paths=source_relative \
//	  --venta-gateway_out=gen --venta-gateway_opt=paths=source_relative shop/v1/shop.proto
//
// Each schema file with a route becomes one file, NAME.pb.gw.go, in the Go
// package of its messages. For a service OrderService it declares
// RegisterOrderServiceGateway, which serves it on a gateway.Gateway, and the
// four functions of protoc-gen-grpc-gateway (RegisterOrderServiceHandler and
// its kin), which serve it on a runtime.ServeMux. RPCs without a google.api.http
// rule are left out. Streaming RPCs are served as newline-delimited JSON.
//
// A policy is written on the RPC, its service or its file; see
// venta/policy/v1/policy.proto. The plugin refuses what is wrong or unsafe. It
// reports all faults of a run at once, with their positions:
//
//	order_service.proto:21:15: retry.max_attempts: 9 is out of limits; write a number from 2 to 5
//
// buf does not tell a plugin where its files are. The option module_root, which may
// be given several times, has positions begin with the folder below which the file
// is, as buf's own do:
//
//	opt: [paths=source_relative, module_root=proto]
//
// What is right by itself and probably not meant is a warning on standard error in
// the same form, and fails nothing: a tag of invalidates that no cache of the run
// makes, and RPCs with a policy and no timeout. With faults there are no warnings.
//
//	order_service.proto:40:28: warning: invalidates.tags[0]: no cache of this run makes "order:{id}", ...
//
// By default buf runs a plugin for each directory by itself, and the cache may be in
// another one. Where one run has all schemas of an API ("strategy: all" in
// buf.gen.yaml), the option whole_api=true says so, and such a tag is a fault.
//
// Where policies are written, two routes of one run that match the same requests
// are refused. To have this checked for all directories of a module, set
// "strategy: all" in buf.gen.yaml.
//
// The options are, beside those two, those of every Go plugin (paths=source_relative
// or paths=import, module=PREFIX, Mfile.proto=IMPORT/PATH) and those of
// protoc-gen-grpc-gateway, with its defaults:
//
//	allow_delete_body=true                 a DELETE may have a body
//	allow_patch_feature=false              PATCH makes no field mask of its body
//	generate_unbound_methods=true          RPCs without a rule: POST /package.Service/Method
//	grpc_api_configuration=FILE            more rules, from a service configuration in YAML
//	omit_package_doc=true                  a standalone package has no comment
//	register_func_suffix=NAME              Register<Service>NAME instead of ...Handler
//	repeated_path_param_separator=pipes    a|b in a path variable; also csv, ssv, tsv
//	request_context=false                  calls run in the context of registration
//	standalone=true                        a package of its own, which imports the messages'
//	strict_deep_wildcard=true              ** behind a segment takes at least one segment
//	warn_on_unbound_methods=true           names RPCs without a rule on standard error
//
// use_opaque_api, allow_repeated_fields_in_body and logtostderr are accepted and
// change nothing: messages of either API are served, and the others have no
// effect in protoc-gen-grpc-gateway.
//
// proto2, proto3 and the editions 2023 and 2024 are supported. The flag -version
// prints the version.
package main

import (
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/types/pluginpb"

	"github.com/venta-hq/venta/plugins/internal/program"
)

func main() {
	if program.IsVersion(os.Args[1:]) {
		fmt.Println("protoc-gen-venta-gateway", program.Version()) //nolint:forbidigo // a program that is asked for its version
		return
	}
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "protoc-gen-venta-gateway:", err)
		os.Exit(1)
	}
}

// run serves one request. Warnings are written to warn.
func run(args []string, in io.Reader, out, warn io.Writer) error {
	return program.Serve(args, in, out, func(request *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
		return generate(request, warn)
	})
}
