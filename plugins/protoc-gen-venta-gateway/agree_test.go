package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/apipb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy/annotation"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

const (
	served  = "served"
	warned  = "warned of"
	refused = "refused"
)

// TestPluginAndGatewayAgree holds that what the plugin says of a policy is what the
// gateway says at its start, and of an override that lays the same over an RPC.
func TestPluginAndGatewayAgree(t *testing.T) {
	const bound = ` timeout: {duration: "1s"}`
	for _, test := range []struct {
		rpc    string // idempotency level and verb
		policy string
		want   string
	}{
		{"NO_SIDE_EFFECTS get", `timeout: {duration: "1s"}`, served},
		{"NO_SIDE_EFFECTS get", `forward: {headers: ["X-Tenant"]}`, warned},
		{"NO_SIDE_EFFECTS get", `timeout: {duration: "1s" mode: MODE_OFF}`, served},
		{"NO_SIDE_EFFECTS get", `timeout: {duration: "1s" mode: MODE_SHADOW}`, served},
		{"NO_SIDE_EFFECTS get", `timeout: {duration: "2h"}`, refused},
		{"NO_SIDE_EFFECTS get", `auth: {requirement: REQUIREMENT_OPTIONAL scopes: ["read"]}` + bound, refused},
		{"NO_SIDE_EFFECTS get", `auth: {requirement: REQUIREMENT_NONE roles: ["admin"]}` + bound, refused},
		{"NO_SIDE_EFFECTS get", `cache: {ttl: "1m" tags: ["x:${name}"]}` + bound, refused},
		{"NO_SIDE_EFFECTS get", `cache: {ttl: "1m" tags: ["x:{name}"]}` + bound, served},
		{"NO_SIDE_EFFECTS get", `circuit_breaker: {slow_call_duration: "2s"}` + bound, refused},
		{"NO_SIDE_EFFECTS get", `circuit_breaker: {slow_call_duration: "1s"}` + bound, refused},
		{"NO_SIDE_EFFECTS get", `circuit_breaker: {slow_call_duration: "1ns"}` + bound, refused},
		{"NO_SIDE_EFFECTS get", `circuit_breaker: {slow_call_duration: "999ms"}` + bound, served},
		{"NO_SIDE_EFFECTS get", `hedge: {delay: "2h" max_attempts: 2}` + bound, refused},
		{"NO_SIDE_EFFECTS get", `hedge: {delay: "1s" max_attempts: 2}` + bound, refused},
		{"NO_SIDE_EFFECTS get", `hedge: {delay: "2h" max_attempts: 2}`, refused},
		{"NO_SIDE_EFFECTS get", `retry: {max_attempts: 2 per_attempt_timeout: "2h"}`, refused},
		{"NO_SIDE_EFFECTS get", `retry: {max_attempts: 2 per_attempt_timeout: "1ns"}` + bound, refused},
		{"NO_SIDE_EFFECTS get", `retry: {max_attempts: 2 per_attempt_timeout: "2s"}` + bound, refused},
		{"NO_SIDE_EFFECTS get", `retry: {max_attempts: 2 per_attempt_timeout: "100ms"}` + bound, served},
		{"NO_SIDE_EFFECTS delete", `timeout: {duration: "1s"}`, refused},
		{"NO_SIDE_EFFECTS put", `timeout: {duration: "1s"}`, refused},
		{"NO_SIDE_EFFECTS post", `timeout: {duration: "1s"}`, served},
		{"IDEMPOTENT delete", `timeout: {duration: "1s"}`, served},
		{"IDEMPOTENT put", `invalidates: {tags: ["x:${name}"]}` + bound, refused},
		{"IDEMPOTENT put", `invalidates: {tags: ["x:{name}"]}` + bound, warned},
		{"IDEMPOTENT put", `invalidates: {tags: ["x:{name}"] mode: MODE_SHADOW}` + bound, warned},
		{"IDEMPOTENT put", `rate_limits: {requests: 0 interval: "1s"}` + bound, refused},
		{"IDEMPOTENT put", `rate_limits: {requests: 1 interval: "1s" burst: 0}` + bound, refused},
		{"IDEMPOTENT put", `permits: {field: "timeout.duration" min: "2s"}` + bound, refused},
		{"IDEMPOTENT put", `permits: {field: "timeout.duration" max: "1s"}` + bound, served},
		{"IDEMPOTENT put", `permits: {field: "circuit_breaker.minimum_calls" max: "5"} circuit_breaker: {}` + bound, refused},
	} {
		t.Run(fmt.Sprint(test.rpc, " ", test.policy), func(t *testing.T) {
			request, method := agreeing(t, test.rpc, test.policy)
			merged, _ := annotation.Of(method)
			if got := ofPlugin(request); got != test.want {
				t.Errorf("the plugin: %s, want %s", got, test.want)
			}
			if got := ofGateway(t, method, merged, nil); got != test.want {
				t.Errorf("the gateway: %s, want %s", got, test.want)
			}
			onMux := test.want
			if strings.Contains(test.policy, "invalidates") && onMux == warned {
				onMux = served // which caches there will be nobody knows
			}
			if got := ofMux(t, method, merged); got != onMux {
				t.Errorf("on a mux: %s, want %s", got, onMux)
			}
			override := &policyv1.Policy{}
			if err := prototext.Unmarshal([]byte(test.policy), override); err != nil {
				t.Fatal(err)
			}
			if len(override.GetPermits()) > 0 || strings.Contains(test.rpc, "NO_SIDE_EFFECTS delete") || strings.Contains(test.rpc, "NO_SIDE_EFFECTS put") {
				return // an override permits nothing, and the RPC itself is refused
			}
			if got := ofGateway(t, method, annotation.Merged{}, override); got != test.want {
				t.Errorf("an override: %s, want %s", got, test.want)
			}
		})
	}
}

var agreements atomic.Int32

// agreeing compiles a schema with one RPC, and links it in as generated code does.
func agreeing(t *testing.T, rpc, policy string) (*pluginpb.CodeGeneratorRequest, protoreflect.MethodDescriptor) {
	t.Helper()
	level, verb, _ := strings.Cut(rpc, " ")
	i := agreements.Add(1)
	name := fmt.Sprintf("agree%d.proto", i)
	request := compile(t, map[string]string{name: fmt.Sprintf(`
syntax = "proto3";
package agree%d;
import "google/api/annotations.proto";
import "google/protobuf/api.proto";
import "venta/policy/v1/annotations.proto";
option go_package = "example.com/agree%d";
service X {
  rpc Call(google.protobuf.Mixin) returns (google.protobuf.Mixin) {
    option idempotency_level = %s;
    option (google.api.http).%s = "/v1/x/{name}";
    option (venta.policy.v1.method) = {%s};
  }
}
`, i, i, level, verb, policy)}, protocompile.SourceInfoStandard)
	last := request.GetProtoFile()[len(request.GetProtoFile())-1]
	file, err := protodesc.NewFile(last, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	if err := protoregistry.GlobalFiles.RegisterFile(file); err != nil {
		t.Fatal(err)
	}
	return request, file.Services().Get(0).Methods().Get(0)
}

func ofPlugin(request *pluginpb.CodeGeneratorRequest) string {
	var warnings bytes.Buffer
	response := generate(request, &warnings)
	return verdict(response.GetError() != "", warnings.Len() > 0)
}

// mixins is a client of the RPC.
type mixins struct{}

func (mixins) Call(context.Context, *apipb.Mixin, ...grpc.CallOption) (*apipb.Mixin, error) {
	return &apipb.Mixin{}, nil
}

// ofGateway registers the RPC with what is annotated, and lays an override over it,
// where there is one.
func ofGateway(t *testing.T, method protoreflect.MethodDescriptor, merged annotation.Merged, override *policyv1.Policy) string {
	t.Helper()
	gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	service := described(method, merged)
	if err := gw.Register(service, gateway.ClientConn(service, mixins{})); err != nil {
		return refused
	}
	if override != nil {
		if err := gw.Override([]gateway.Override{{Methods: "**", Policy: override}}); err != nil {
			return refused
		}
	}
	return verdict(false, len(gw.Advice()) > 0)
}

// ofMux registers the RPC on a grpc-gateway mux.
func ofMux(t *testing.T, method protoreflect.MethodDescriptor, merged annotation.Merged) string {
	t.Helper()
	var logged bytes.Buffer
	gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	service := described(method, merged)
	err = gateway.RegisterOnMux(gateway.NewContext(t.Context(), gw), runtime.NewServeMux(), service, gateway.ClientConn(service, mixins{}))
	return verdict(err != nil, strings.Contains(logged.String(), "level=WARN"))
}

func described(method protoreflect.MethodDescriptor, merged annotation.Merged) gateway.Service {
	return gateway.Service{Name: string(method.Parent().FullName()), Methods: []gateway.Method{{
		Name: "Call", Call: gateway.Unary(mixins.Call), Bindings: bindings(method), Policy: merged.Effective().Policy,
	}}}
}

func bindings(method protoreflect.MethodDescriptor) []gateway.Binding {
	rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	for verb, path := range map[string]string{"GET": rule.GetGet(), "PUT": rule.GetPut(), "POST": rule.GetPost(), "DELETE": rule.GetDelete()} {
		if path != "" {
			return []gateway.Binding{{Verb: verb, Path: path}}
		}
	}
	return nil
}

func verdict(isRefused, isWarned bool) string {
	switch {
	case isRefused:
		return refused
	case isWarned:
		return warned
	default:
		return served
	}
}
