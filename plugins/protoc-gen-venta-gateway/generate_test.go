package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// TestDeterministic holds that the same schemas give the same bytes.
func TestDeterministic(t *testing.T) {
	for _, folder := range []string{accepted, rejected} {
		cases(t, folder, func(t *testing.T, dir string) {
			want := encode(t, generate(request(t, dir), io.Discard))
			if got := encode(t, generate(request(t, dir), io.Discard)); !bytes.Equal(want, got) {
				t.Error("a second run differs")
			}
		})
	}
}

func encode(t *testing.T, m proto.Message) []byte {
	t.Helper()
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// TestOrderOfOptions holds that the order in which options are written has no
// effect on the code, but for what tells where they are written: here on one line.
func TestOrderOfOptions(t *testing.T) {
	options := []string{
		`option idempotency_level = NO_SIDE_EFFECTS;`,
		`option (google.api.http) = {get: "/v1/x" additional_bindings {head_placeholder}};`,
		`option (venta.policy.v1.method).timeout = {duration: "5s"};`,
		`option (venta.policy.v1.method).retry.max_attempts = 3;`,
		`option (venta.policy.v1.method).retry.budget = {min_per_second: 1 percent: 2};`,
		`option (venta.policy.v1.method).cache = {tags: ["a", "b"] ttl: "5s"};`,
		`option (venta.policy.v1.method).limits.max_request_bytes = 7;`,
	}
	options[1] = strings.Replace(options[1], "head_placeholder", `custom: {path: "/v1/x" kind: "HEAD"}`, 1)
	var want map[string]string
	for seed := range uint64(20) {
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(options), func(i, j int) {
			options[i], options[j] = options[j], options[i]
		})
		files := map[string]string{"x.proto": strings.Replace(oneMethod, "OPTIONS", strings.Join(options, " "), 1)}
		got := outputs(t, generate(compile(t, files, protocompile.SourceInfoStandard), io.Discard))
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("with the options in the order\n%s\n(-want +got):\n%s", strings.Join(options, "\n"), diff)
		}
	}
}

const oneMethod = `
syntax = "proto3";
package x.v1;
import "google/api/annotations.proto";
import "venta/policy/v1/annotations.proto";
option go_package = "example.com/api/x/v1;xv1";
service X {
  rpc Get(M) returns (M) {
    OPTIONS
  }
}
message M {}
`

// TestOptions holds that files are named as by every Go plugin, and that
// unknown options are refused.
func TestOptions(t *testing.T) {
	files := map[string]string{"dir/x.proto": strings.Replace(oneMethod, "OPTIONS", `option (google.api.http).get = "/v1/x";`, 1)}
	tests := []struct{ parameter, file, refused string }{
		{"", "example.com/api/x/v1/x.pb.gw.go", ""},
		{"paths=import", "example.com/api/x/v1/x.pb.gw.go", ""},
		{"paths=source_relative", "dir/x.pb.gw.go", ""},
		{"module=example.com/api", "x/v1/x.pb.gw.go", ""},
		{"Mdir/x.proto=example.com/other", "example.com/other/x.pb.gw.go", ""},
		{"module=example.com/api,paths=source_relative", "", "cannot use module= with paths=source_relative"},
		{"paths=source_relative,nosuch=true", "", `unknown option "nosuch"`},
		{"standalone", "", "option standalone=: parse error"},
		{"allow_delete_body=maybe", "", "option allow_delete_body=maybe: parse error"},
		{"repeated_path_param_separator=commas", "", "option repeated_path_param_separator=commas: write csv, pipes, ssv or tsv"},
		{"grpc_api_configuration=nosuch.yaml", "", "option grpc_api_configuration: open nosuch.yaml"},
		{"grpc_api_configuration=options.go", "", "options.go: yaml: "},
	}
	for _, test := range tests {
		t.Run(test.parameter, func(t *testing.T) {
			request := compile(t, files, protocompile.SourceInfoStandard)
			request.Parameter = new(test.parameter)
			response := generate(request, io.Discard)
			if test.refused != "" {
				if !strings.HasPrefix(response.GetError(), test.refused) || len(response.GetFile()) > 0 {
					t.Errorf("responded %q and %d files, want %q", response.GetError(), len(response.GetFile()), test.refused)
				}
				return
			}
			if got := slices.Collect(maps.Keys(outputs(t, response))); !slices.Equal(got, []string{test.file}) {
				t.Errorf("generated %q, want %q", got, test.file)
			}
		})
	}
}

// TestFeatures holds that every response declares what is supported: a compiler
// refuses a plugin that is silent about it.
func TestFeatures(t *testing.T) {
	good := request(t, accepted+"/bindings")
	bad := request(t, rejected+"/timeout")
	unnamed := proto.CloneOf(good)
	unnamed.ProtoFile[len(unnamed.ProtoFile)-1].Options.GoPackage = nil
	for _, request := range []*pluginpb.CodeGeneratorRequest{good, bad, unnamed} {
		response := generate(request, io.Discard)
		const all = pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL | pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS
		if response.GetSupportedFeatures() != uint64(all) {
			t.Errorf("features %b", response.GetSupportedFeatures())
		}
		from, to := descriptorpb.Edition(response.GetMinimumEdition()), descriptorpb.Edition(response.GetMaximumEdition())
		if from != descriptorpb.Edition_EDITION_PROTO2 || to != descriptorpb.Edition_EDITION_2024 {
			t.Errorf("editions from %s to %s", from, to)
		}
	}
}

// TestEdition2024 holds that a file of edition 2024, which the compiler of these
// tests cannot read, is served as its twin of 2023.
func TestEdition2024(t *testing.T) {
	request := request(t, accepted+"/editions")
	want := outputs(t, generate(request, io.Discard))
	for _, file := range request.ProtoFile {
		if file.GetName() == "edition2023.proto" {
			file.Edition = descriptorpb.Edition_EDITION_2024.Enum()
		}
	}
	if diff := cmp.Diff(want, outputs(t, generate(request, io.Discard))); diff != "" {
		t.Errorf("(-2023 +2024):\n%s", diff)
	}
}

// TestPlainPositions holds what a fault names where the compiler knows the
// option's statement alone, as protoc does, or nothing at all.
func TestPlainPositions(t *testing.T) {
	files := map[string]string{"x.proto": strings.Replace(oneMethod, "OPTIONS", `
    option (google.api.http) = {
      get: "/v1/{nosuch}"
    };
    option (venta.policy.v1.method) = {
      timeout: {
        duration: "2h"
      }
    };
    option (venta.policy.v1.method).limits.max_request_bytes = 0;`, 1)}
	tests := []struct {
		positions             protocompile.SourceInfoMode
		http, timeout, limits string
	}{
		{protocompile.SourceInfoExtraOptionLocations, "x.proto:11:7", "x.proto:15:9", "x.proto:18:5"},
		{protocompile.SourceInfoStandard, "x.proto:10:5", "x.proto:13:5", "x.proto:18:5"},
		{protocompile.SourceInfoNone, "x.proto", "x.proto", "x.proto"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.positions), func(t *testing.T) {
			want := []string{
				test.http + `: the variable "nosuch": M has no field "nosuch"; name a field of the request`,
				test.timeout + `: timeout.duration: 2h is out of limits; write a duration from 1ms to 1h`,
				test.limits + `: limits.max_request_bytes: 0 is out of limits; write a positive number, or remove this`,
			}
			got := strings.Split(generate(compile(t, files, test.positions), io.Discard).GetError(), "\n")
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRun holds the program's contract with the compiler.
func TestRun(t *testing.T) {
	sent := encode(t, request(t, rejected+"/timeout"))
	var out bytes.Buffer
	if err := run(nil, bytes.NewReader(sent), &out, io.Discard); err != nil {
		t.Fatalf("a wrong schema is part of the response: %v", err)
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out.Bytes(), &response); err != nil || response.GetError() == "" {
		t.Errorf("responded %v, %v", &response, err)
	}
	if err := run(nil, strings.NewReader("no request"), &out, io.Discard); err == nil {
		t.Error("no error for what is no request")
	}
	if err := run([]string{"x.proto"}, nil, &out, io.Discard); err == nil {
		t.Error("no error for an argument")
	}
}

// TestNewerSchema holds that a field that this program does not know is not
// dropped in silence.
func TestNewerSchema(t *testing.T) {
	request := compile(t, map[string]string{"x.proto": strings.Replace(oneMethod, "OPTIONS", `
    option (google.api.http).get = "/v1/x";
    option (venta.policy.v1.method).timeout.duration = "1s";`, 1)}, protocompile.SourceInfoStandard)
	for _, file := range request.ProtoFile {
		if file.GetName() == "x.proto" {
			addUnknown(t, file.Service[0].Method[0])
		}
	}
	const want = "x.proto:11:5: timeout: a field is newer than this program; update protoc-gen-venta-gateway and the gateway"
	if got := generate(request, io.Discard).GetError(); got != want {
		t.Errorf("responded %q, want %q", got, want)
	}
}

// addUnknown gives the method's timeout a field of number 99.
func addUnknown(t *testing.T, method *descriptorpb.MethodDescriptorProto) {
	t.Helper()
	annotation := proto.GetExtension(method.Options, policyv1.E_Method).(*policyv1.Policy)
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)
	annotation.Timeout.ProtoReflect().SetUnknown(unknown)
}
