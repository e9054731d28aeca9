package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

const (
	root    = "../../" // of the repository
	prefix  = "module=github.com/venta-hq/venta"
	protoGo = "google.golang.org/protobuf/cmd/protoc-gen-go"
)

// TestProtoc holds that a protoc as old as Debian's (3.21) reads the annotations
// and runs the plugin, and that the code is the one that buf gives.
func TestProtoc(t *testing.T) {
	p := newProtoc(t)
	t.Run("annotations", func(t *testing.T) {
		p.compare(t, root, p.run(t, root+"proto", "go", prefix,
			"venta/policy/v1/policy.proto", "venta/policy/v1/annotations.proto"))
	})
	t.Run("reference system", func(t *testing.T) {
		p.compare(t, root, p.run(t, root+"proto", "venta-gateway", prefix,
			"venta/vendor/v1/vendor_service.proto", "venta/vendor/v2/vendor_service.proto"))
	})
	cases(t, accepted, func(t *testing.T, dir string) {
		var files []string
		for name, content := range schemas(t, dir) {
			if !strings.Contains("\n"+content, "\nedition =") { // of which 3.21 knows nothing
				files = append(files, name)
			}
		}
		slices.Sort(files)
		options := request(t, dir).GetParameter()
		p.compare(t, dir, p.run(t, dir, "venta-gateway", options, files...))
	})
}

// protoc runs the compiler with plugins of this tree.
type protoc struct {
	program, plugins, thirdParty string
}

func newProtoc(t *testing.T) protoc {
	t.Helper()
	program, err := exec.LookPath("protoc")
	if err != nil {
		t.Fatalf("%v; make test installs it, as does your system's package manager (protobuf-compiler)", err)
	}
	p := protoc{program: program, plugins: t.TempDir(), thirdParty: t.TempDir()}
	command(t, "go", "build", "-o", p.plugins+"/", ".", protoGo)
	printer := protoprint.Printer{SortElements: true}
	if err := printer.PrintProtosToFileSystem(imported(t), p.thirdParty); err != nil {
		t.Fatal(err)
	}
	return p
}

// imported are the schemas of others that the tests' schemas import.
func imported(t *testing.T) []protoreflect.FileDescriptor {
	t.Helper()
	var files []protoreflect.FileDescriptor
	for _, path := range []string{
		"buf/validate/validate.proto", "google/api/annotations.proto", "google/api/http.proto",
		"google/api/httpbody.proto", "google/rpc/code.proto", "google/rpc/status.proto",
	} {
		file, err := protoregistry.GlobalFiles.FindFileByPath(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// run generates what a plugin makes of files in dir, and returns the folder.
func (p protoc) run(t *testing.T, dir, plugin, options string, files ...string) string {
	t.Helper()
	out := t.TempDir()
	command(t, p.program, append([]string{
		"-I", dir, "-I", root + "proto", "-I", p.thirdParty,
		"--plugin=" + filepath.Join(p.plugins, "protoc-gen-"+plugin),
		"--" + plugin + "_out=" + options + ":" + out,
	}, files...)...)
	return out
}

// compare holds each file of a folder against the committed one.
func (p protoc) compare(t *testing.T, committed, generated string) {
	t.Helper()
	count := 0
	err := fs.WalkDir(os.DirFS(generated), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		count++
		want, got := content(t, filepath.Join(committed, path)), content(t, filepath.Join(generated, path))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-buf +protoc):\n%s", path, diff)
		}
		return nil
	})
	if err != nil || count == 0 {
		t.Errorf("%d files: %v", count, err)
	}
}

// ofCompiler is what compilers differ in: their version, and how closely they
// tell where a block is written, the table at the end of the file.
var ofCompiler = regexp.MustCompile(`(?m)^//\s+protoc .*\n|(?s:^\treturn gateway\.FileLines\{.*)`)

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return ofCompiler.ReplaceAllString(string(text), "")
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if output, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
	}
}
