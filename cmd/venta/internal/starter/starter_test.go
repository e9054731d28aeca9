package starter

import (
	"bytes"
	"context"
	"go/format"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

const root = "../../../.."

// initialized writes a project that uses this checkout.
func initialized(t *testing.T, c InitCommand) string {
	t.Helper()
	c.Dir, c.Venta = filepath.Join(t.TempDir(), "shop"), root
	if err := c.Run(io.Discard); err != nil {
		t.Fatal(err)
	}
	return c.Dir
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestInitWritesAProject(t *testing.T) {
	dir := initialized(t, InitCommand{})
	for _, path := range []string{
		"go.mod", "main.go", "Makefile", "README.md", ".gitignore", ".github/workflows/ci.yaml", "buf.yaml", "buf.gen.yaml",
		"proto/shop/v1/order_service.proto", "orders/orders.go", "orders/orders_test.go",
		"third_party/venta/policy/v1/annotations.proto", "third_party/google/type/money.proto",
	} {
		if text := read(t, dir, path); strings.Contains(text, "<%") || strings.Contains(text, "%>") {
			t.Errorf("%s is not rendered:\n%s", path, text)
		}
	}
	if lines := strings.Count(read(t, dir, "main.go"), "\n"); lines > 25 {
		t.Errorf("main.go has %d lines", lines)
	}
}

func TestGoFilesAreFormatted(t *testing.T) {
	for _, c := range []InitCommand{{}, {Name: "zoo", Module: "a.example/zoo"}, {Name: "aquarium", Module: "zoo.example/x/y"}} {
		dir := initialized(t, c)
		for _, path := range []string{"main.go", "orders/orders.go", "orders/orders_test.go"} {
			text := read(t, dir, path)
			formatted, err := format.Source([]byte(text))
			if err != nil || string(formatted) != text {
				t.Errorf("%s of %+v is not as gofmt writes it: %v", path, c, err)
			}
		}
	}
}

func TestSchemasPassBuf(t *testing.T) {
	buf, err := filepath.Abs(filepath.Join(root, "bin", "buf"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(buf); err != nil {
		t.Fatal("bin/buf is not built: make bin/buf")
	}
	dir := initialized(t, InitCommand{})
	execute(t, dir, buf, "lint")
	execute(t, dir, buf, "format", "proto", "--diff", "--exit-code")
}

// The project builds and passes its own tests. That it can be downloaded is what
// the test of docs/getting-started.md holds.
func TestProjectPassesVetAndItsTests(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program")
	}
	dir := initialized(t, InitCommand{Name: "cafe", Module: "coffee.example/cafe"})
	execute(t, dir, "go", "build", "-mod=mod", "-o", "bin/", "tool")
	if err := (&GenerateCommand{Dir: dir}).Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	execute(t, dir, "promtool", "check", "rules", "--lint-fatal", "observability/prometheus/rules.yaml")
	if dashboards, err := filepath.Glob(filepath.Join(dir, "observability", "grafana", "*.json")); err != nil || len(dashboards) < 5 {
		t.Errorf("dashboards %v: %v", dashboards, err)
	}
	if rules := read(t, dir, "observability", "prometheus", "rules.yaml"); !strings.Contains(rules, "cafe[.]v1[.]OrderService") {
		t.Errorf("the rules do not know the API:\n%s", rules)
	}
	execute(t, dir, "go", "vet", "-mod=mod", "./...")
	execute(t, dir, "go", "test", "-mod=mod", "./...")
}

// execute runs a program with the module cache as the first place to look for
// modules.
func execute(t *testing.T, dir string, args ...string) {
	t.Helper()
	env, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(env))
	c := exec.Command(args[0], args[1:]...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOSUMDB=off", "GOPROXY=file://"+filepath.ToSlash(lines[0])+"/cache/download,"+lines[1])
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestInitRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "notes"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "shop")
	for want, c := range map[string]InitCommand{
		"is not empty: there is notes":                {Dir: full, Name: "shop", Venta: "v1.2.3"},
		`--name: "Shop"`:                              {Dir: fresh, Name: "Shop", Venta: "v1.2.3"},
		`--name: "vendor"`:                            {Dir: fresh, Name: "vendor", Venta: "v1.2.3"},
		`--name: "my-shop"`:                           {Dir: filepath.Join(full, "my-shop"), Venta: "v1.2.3"},
		`--module: "a b"`:                             {Dir: fresh, Module: "a b", Venta: "v1.2.3"},
		`--module: "/shop"`:                           {Dir: fresh, Module: "/shop", Venta: "v1.2.3"},
		`--venta: "1.2" is neither a version`:         {Dir: fresh, Venta: "1.2"},
		"this is a development build":                 {Dir: fresh},
		"proto is neither a version, such as v1.2.3,": {Dir: fresh, Venta: root + "/proto"},
	} {
		err := c.Run(io.Discard)
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), `proto" is`, "proto is"), want) {
			t.Errorf("%+v: got %v, want %q", c, err, want)
		}
		if _, err := os.Stat(fresh); err == nil {
			t.Fatalf("%+v has written", c)
		}
	}
}

func TestInstalledVersion(t *testing.T) {
	build := func(path, version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Path: path, Version: version}, Settings: settings}
	}
	if v, err := installedVersion(build(ventaModule, "v1.2.3", debug.BuildSetting{Key: "-compiler", Value: "gc"})); err != nil || v != (venta{Version: "v1.2.3"}) {
		t.Error(v, err)
	}
	for name, info := range map[string]*debug.BuildInfo{
		"a checkout without its history": build(ventaModule, "(devel)"),
		"a checkout":                     build(ventaModule, "v0.0.0-20260102030405-0123456789ab", debug.BuildSetting{Key: "vcs.revision", Value: "0123"}),
		"another program":                build("example.com/other", "v1.2.3"),
		"no information":                 {},
	} {
		if v, err := installedVersion(info); err == nil {
			t.Errorf("%s: %v", name, v)
		}
	}
}

func TestSchemasCommand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "third_party")
	var out bytes.Buffer
	if err := (&SchemasCommand{Dir: dir}).Run(&out); err != nil {
		t.Fatal(err)
	}
	annotations := filepath.Join(dir, "venta", "policy", "v1", "annotations.proto")
	if !strings.HasPrefix(out.String(), filepath.Join(dir, "buf", "validate", "validate.proto")+"\n") || !strings.Contains(out.String(), annotations+"\n") {
		t.Errorf("printed:\n%s", out.String())
	}
	out.Reset()
	if err := (&SchemasCommand{Dir: dir}).Run(&out); err != nil || !strings.HasPrefix(out.String(), dir+": 0 schemas written, ") {
		t.Errorf("%v, printed:\n%s", err, out.String())
	}
	if err := os.WriteFile(annotations, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&SchemasCommand{Dir: dir}).Run(&out); err == nil || !strings.Contains(err.Error(), annotations+"; nothing was written; --force overwrites") {
		t.Error(err)
	}
	if err := (&SchemasCommand{Dir: dir, Force: true}).Run(&out); err != nil || read(t, annotations) == "mine" {
		t.Error(err)
	}
}

// The versions that the templates name are the repository's.
func TestVersionsAgree(t *testing.T) {
	mod, makefile := read(t, root, "go.mod"), read(t, root, "Makefile")
	if !strings.Contains(mod, "\ngo "+goVersion+"\n") {
		t.Errorf("go.mod is not of Go %s", goVersion)
	}
	if !strings.Contains(makefile, "\nPROTOC_GEN_GO_GRPC_VERSION := "+grpcPlugin+"\n") {
		t.Errorf("the Makefile's protoc-gen-go-grpc is not %s", grpcPlugin)
	}
	buf := regexp.MustCompile(`BUF_VERSION := \S+`)
	if own, theirs := buf.FindString(makefile), buf.FindString(read(t, "template", "Makefile.tmpl")); own == "" || own != theirs {
		t.Errorf("Makefile: %q, the project's: %q", own, theirs)
	}
}
