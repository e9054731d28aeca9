package generate_test

import (
	"bytes"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/cmd/venta/internal/generate"
	"github.com/venta-hq/venta/internal/schemas"
)

const (
	bufYAML    = "version: v2\nmodules:\n  - path: proto\n  - path: third_party\n    lint: {ignore: [third_party]}\n"
	bufGenYAML = `version: v2
inputs:
  - directory: proto
plugins:
  - local: [go, run, google.golang.org/protobuf/cmd/protoc-gen-go]
    out: gen
    opt: [paths=source_relative]
  - local: [go, run, github.com/venta-hq/venta/plugins/protoc-gen-venta-gateway]
    out: gen
    opt: [paths=source_relative, module_root=proto]
    strategy: all
`
	thing = `// A file's comment.
syntax = "proto3";
package thing.v1;
import "google/api/annotations.proto";
import "google/protobuf/timestamp.proto";
import "google/type/money.proto";
import "venta/policy/v1/annotations.proto";
option go_package = "example.com/thing/v1;thingv1";
// Things has a comment.
service Things {
  rpc GetThing(GetThingRequest) returns (GetThingResponse) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (google.api.http) = {get: "/v1/things/{thing_id}"};
    option (venta.policy.v1.method) = {timeout: {duration: "3s"}};
  }
  rpc WaitForThing(GetThingRequest) returns (GetThingResponse) {
    option (google.api.http) = {get: "/v1/things/{thing_id}:wait"};
  }
}
message GetThingRequest {
  string thing_id = 1 [json_name = "id"]; // Behind the field.
}
message GetThingResponse {
  google.type.Money price = 1;
  google.protobuf.Timestamp made_at = 2;
  optional int32 count = 3;
  map<string, int64> counts_by_name = 4;
}
`
)

// project is a folder inside this module, so that `go run` finds the plugins.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := os.MkdirTemp(".", "testdata-") //nolint:usetesting // it is not inside this module
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	list, err := schemas.All()
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		list[i].Path = "third_party/" + list[i].Path
	}
	defaults := map[string]string{"buf.yaml": bufYAML, "buf.gen.yaml": bufGenYAML, "proto/thing/v1/thing.proto": thing}
	maps.Copy(defaults, files)
	for path, text := range defaults {
		list = append(list, schemas.File{Path: path, Text: []byte(text)})
	}
	if _, err := schemas.Write(dir, list, false); err != nil {
		t.Fatal(err)
	}
	return dir
}

// generated returns the files below dir's gen, by path.
func generated(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(filepath.Join(dir, "gen"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestRunGeneratesWhatBufDoes(t *testing.T) {
	dir := project(t, nil)
	var warned bytes.Buffer
	if err := generate.Run(t.Context(), dir, &warned); err != nil {
		t.Fatal(err)
	}
	got := generated(t, dir)
	for _, path := range []string{"gen/thing/v1/thing.pb.go", "gen/thing/v1/thing.pb.gw.go"} {
		if got[path] == "" {
			t.Errorf("%s is missing", path)
		}
	}
	buf, err := filepath.Abs("../../../../bin/buf")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(buf); err != nil {
		t.Fatal("bin/buf is not built: make bin/buf")
	}
	if err := os.RemoveAll(filepath.Join(dir, "gen")); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(buf, "generate")
	command.Dir = dir
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.HasPrefix(warned.String(), "proto/thing/v1/thing.proto:10:1: warning: ") || warned.String() != string(out) {
		t.Errorf("warned %q, buf %q", &warned, out)
	}
	if diff := cmp.Diff(generated(t, dir), got); diff != "" {
		t.Errorf("(-buf +venta)\n%s", diff)
	}
}

func TestRunRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		path, text string
		want       string
	}{
		"remote plugins":  {"buf.gen.yaml", "version: v2\nplugins:\n  - remote: buf.build/a/b\n    out: gen\n", "buf.gen.yaml: yaml: unmarshal errors:\n  line 3: field remote not found"},
		"managed mode":    {"buf.gen.yaml", "version: v2\nmanaged: {enabled: true}\n", "field managed not found"},
		"another version": {"buf.gen.yaml", "version: v1\n", `version must be v2, not "v1"`},
		"no command":      {"buf.gen.yaml", "version: v2\nplugins: [{out: gen}]\n", "plugins[0] must have `local` and `out`"},
		"dependencies":    {"buf.yaml", "version: v2\ndeps: [buf.build/a/b]\n", "field deps not found"},
		"no schema":       {"buf.gen.yaml", "version: v2\ninputs: [{directory: gen}]\n", "gen"},
		"outside":         {"buf.gen.yaml", "version: v2\ninputs: [{directory: ../../../../../proto}]\n", "is in none of buf.yaml's modules"},
		"a wrong schema":  {"proto/thing/v1/thing.proto", "syntax = \"proto3\";\nmessage A { B b = 1; }\n", "thing/v1/thing.proto:2:13: field A.b: unknown type B"},
		"a wrong policy":  {"proto/thing/v1/thing.proto", strings.Replace(thing, `"3s"`, `"3"`, 1), "thing.proto:14:"},
		"a plugin failed": {"buf.gen.yaml", "version: v2\ninputs: [{directory: proto}]\nplugins: [{local: \"false\", out: gen}]\n", "false: exit status 1"},
		"a leading path":  {"buf.gen.yaml", strings.Replace(bufGenYAML, "out: gen", "out: ../gen", 1), "leads out of"},
		"twice":           {"buf.gen.yaml", strings.NewReplacer("github.com/venta-hq/venta/plugins/protoc-gen-venta-gateway", "google.golang.org/protobuf/cmd/protoc-gen-go", ", module_root=proto", "").Replace(bufGenYAML), "is generated twice"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := project(t, map[string]string{test.path: test.text})
			err := generate.Run(t.Context(), dir, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if _, err := os.Stat(filepath.Join(dir, "gen")); err == nil {
				t.Error("something was written")
			}
		})
	}
}
