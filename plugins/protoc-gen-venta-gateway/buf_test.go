package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jhump/protoreflect/v2/protoprint"
)

// TestBufPrints holds what an author reads whose schemas buf compiles: the whole of
// its standard error, with the paths of the files.
func TestBufPrints(t *testing.T) {
	dir := bufWorkspace(t)
	const list = `rate_limits: [
        {requests: 1 interval: "1s"},
        {requests: 0 interval: "1s" name: "b"}
      ]`
	const statements = `rate_limits: {requests: 1 interval: "1s"}
      rate_limits: {requests: 0 interval: "1s" name: "b"}`
	const problem = `rate_limits[1].requests: 0 is out of limits; write a number from 1 to 1000000000` + "\n"
	for _, test := range []struct {
		name, policy, options string
		want                  string
	}{
		{"nothing", `timeout: {duration: "1s"}`, "", ""},
		{"a warning", `invalidates: {tags: ["a"]} timeout: {duration: "1s"}`, ",module_root=proto",
			`proto/shop/v1/shop.proto:11:21: warning: invalidates.tags[0]: no cache of this run makes "a", so nothing is purged by it (none has a tag); ` +
				"correct it, or generate it together with the cache that has it (strategy: all)\n"},
		{"a fault in a list", list, ",module_root=imports,module_root=proto", "Failure: plugin PLUGIN: proto/shop/v1/shop.proto:11:7: " + problem},
		{"a fault in statements", statements, ",module_root=proto", "Failure: plugin PLUGIN: proto/shop/v1/shop.proto:12:7: " + problem},
		{"without the root", statements, "", "Failure: plugin PLUGIN: shop/v1/shop.proto:12:7: " + problem},
		{"without a root", statements, ",module_root=nosuch", "Failure: plugin PLUGIN: option module_root=nosuch: stat nosuch: no such file or directory\n"},
		{"in another root", statements, ",module_root=imports", "Failure: plugin PLUGIN: shop/v1/shop.proto:12:7: " + problem},
	} {
		t.Run(test.name, func(t *testing.T) {
			schema := strings.Replace(oneMethod, "OPTIONS", `option (google.api.http).post = "/v1/x";
    option (venta.policy.v1.method) = {
      `+test.policy+`
    };`, 1)
			write(t, filepath.Join(dir, "proto/shop/v1/shop.proto"), schema)
			got := buf(t, dir, test.options)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("standard error (-want +got):\n%s", diff)
			}
		})
	}
}

// bufWorkspace returns a folder with two modules: that of an API, and what it imports.
func bufWorkspace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	printer := protoprint.Printer{SortElements: true}
	if err := printer.PrintProtosToFileSystem(imported(t), filepath.Join(dir, "imports")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"policy.proto", "annotations.proto"} {
		text, err := os.ReadFile(root + "proto/venta/policy/v1/" + name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "imports/venta/policy/v1", name), string(text))
	}
	write(t, filepath.Join(dir, "buf.yaml"), "version: v2\nmodules: [{path: proto}, {path: imports}]\n")
	command(t, "go", "build", "-o", filepath.Join(dir, "plugin"), ".")
	return dir
}

// buf generates for the API and returns what is printed.
func buf(t *testing.T, dir, options string) string {
	t.Helper()
	program, err := filepath.Abs(root + "bin/buf")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatal("bin/buf is not built: make bin/buf")
	}
	write(t, filepath.Join(dir, "buf.gen.yaml"), "version: v2\ninputs: [{directory: proto}]\nplugins:\n"+
		"  - local: ./plugin\n    out: gen\n    opt: paths=source_relative"+options+"\n")
	c := exec.CommandContext(t.Context(), program, "generate")
	c.Dir = dir
	var printed bytes.Buffer
	c.Stderr = &printed
	_ = c.Run() // what it prints says whether it failed
	return strings.ReplaceAll(printed.String(), "./plugin", "PLUGIN")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
