package resolve

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/descriptorpb"

	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// TestPosition covers what the compilers tell of
//
//	option (venta.policy.v1.method) = {
//	  retry: {max_attempts: 3}
//	  cache: {tags: ["a", "b"]}
//	};
func TestPosition(t *testing.T) {
	at := func(span []int32, path ...int32) *descriptorpb.SourceCodeInfo_Location {
		return &descriptorpb.SourceCodeInfo_Location{Path: path, Span: span}
	}
	var (
		method  = at([]int32{4, 2, 9, 3}, 6, 0, 2, 0)
		option  = at([]int32{5, 4, 8, 6}, 6, 0, 2, 0, 4, 50777)
		attempt = at([]int32{6, 14, 29}, 6, 0, 2, 0, 4, 50777, 2, 1)
		first   = at([]int32{7, 21, 24}, 6, 0, 2, 0, 4, 50777, 6, 8, 0)
		second  = at([]int32{7, 26, 29}, 6, 0, 2, 0, 4, 50777, 6, 8, 1)
		retry   = at([]int32{6, 6, 30}, 6, 0, 2, 0, 4, 50777, 2)
		cache   = at([]int32{7, 6, 31}, 6, 0, 2, 0, 4, 50777, 6)
	)
	compilers := map[string]source{
		"protoc":        {"x.proto", []*descriptorpb.SourceCodeInfo_Location{method, option}},
		"values":        {"x.proto", []*descriptorpb.SourceCodeInfo_Location{method, option, second, first, attempt}},
		"blocks":        {"x.proto", []*descriptorpb.SourceCodeInfo_Location{method, option, retry, attempt, cache, first, second}},
		"methods alone": {"x.proto", []*descriptorpb.SourceCodeInfo_Location{method}},
		"nothing":       {"x.proto", nil},
		"broken":        {"x.proto", []*descriptorpb.SourceCodeInfo_Location{at(nil, 6, 0, 2, 0)}},
	}
	tests := []struct {
		policyPath string
		want       map[string]string
	}{
		{"retry.max_attempts", map[string]string{
			"protoc": "6:5", "values": "7:15", "blocks": "7:15", "methods alone": "5:3"}},
		{"retry", map[string]string{
			"protoc": "6:5", "values": "7:15", "blocks": "7:7", "methods alone": "5:3"}},
		{"retry.budget.percent", map[string]string{
			"protoc": "6:5", "values": "7:15", "blocks": "7:7", "methods alone": "5:3"}},
		{"cache.tags[1]", map[string]string{
			"protoc": "6:5", "values": "8:27", "blocks": "8:27", "methods alone": "5:3"}},
		{"cache.tags", map[string]string{
			"protoc": "6:5", "values": "8:22", "blocks": "8:22", "methods alone": "5:3"}},
		{"cache.audience", map[string]string{
			"protoc": "6:5", "values": "8:22", "blocks": "8:7", "methods alone": "5:3"}},
		{"timeout.duration", map[string]string{
			"protoc": "6:5", "values": "6:5", "blocks": "6:5", "methods alone": "5:3"}},
	}
	for _, test := range tests {
		path := join([]int32{6, 0, 2, 0, methodOptions, 50777}, fieldNumbers(test.policyPath)...)
		for name, compiler := range compilers {
			want := "x.proto"
			if test.want[name] != "" {
				want += ":" + test.want[name]
			}
			if got := fmt.Sprint(compiler.position(path)); got != want {
				t.Errorf("%s with %s: %s, want %s", test.policyPath, name, got, want)
			}
		}
	}
}

// TestEntries covers what is told of the entries of lists, by a compiler that counts
// entries and by one that counts the statements of
//
//	option (venta.policy.v1.method) = {
//	  invalidates: {
//	    tags: ["a", "b"]
//	    tags: "c"
//	  }
//	};
func TestEntries(t *testing.T) {
	tag := func(line, column int32, index int32) *descriptorpb.SourceCodeInfo_Location {
		return &descriptorpb.SourceCodeInfo_Location{Path: []int32{50777, 7, 1, index}, Span: []int32{line, column, column + 9}}
	}
	three := place{[]int32{50777}, (&policyv1.Policy{Invalidates: &policyv1.Invalidates{Tags: []string{"a", "b", "c"}}}).ProtoReflect()}
	entries := source{"x.proto", []*descriptorpb.SourceCodeInfo_Location{tag(7, 13, 0), tag(7, 18, 1), tag(8, 6, 2)}}
	statements := source{"x.proto", []*descriptorpb.SourceCodeInfo_Location{tag(7, 6, 0), tag(8, 6, 1)}}
	for path, want := range map[string][2]string{
		"invalidates.tags[0]": {"x.proto:8:14", "x.proto:8:7"},
		"invalidates.tags[1]": {"x.proto:8:19", "x.proto:8:7"}, // not 9:7, which is the third
		"invalidates.tags[2]": {"x.proto:9:7", "x.proto:8:7"},
		"invalidates.tags":    {"x.proto:8:14", "x.proto:8:7"},
		"invalidates":         {"x.proto:8:14", "x.proto:8:7"},
	} {
		for i, compiler := range []source{entries, statements} {
			if got := compiler.within(three, fieldNumbers(path)...).String(); got != want[i] {
				t.Errorf("%s: %s, want %s", path, got, want[i])
			}
		}
	}
}

func TestFieldNumbers(t *testing.T) {
	for path, want := range map[string][]int32{
		"":                          nil,
		"retry":                     {2},
		"rate_limits[12].key.field": {5, 12, 5, 6},
		"cache.tags[0]":             {6, 8, 0},
		"cache.nosuch.field":        {6},
		"nosuch":                    nil,
		"timeout.duration.x":        {1, 1},
	} {
		if got := fieldNumbers(path); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q is %v, want %v", path, got, want)
		}
	}
}
