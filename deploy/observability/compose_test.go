// Package observability_test checks the files of the stack that looks at gateways. No
// container runs here: what can be run without is in cmd/venta (TestStack).
package observability_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"golang.org/x/mod/modfile"
)

// load reads compose.yaml as Docker Compose does, with its secrets in files.
func load(t *testing.T) *types.Project {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	project, err := loadWith(t, types.Mapping{"METRICS_TOKEN_FILE": secret, "GRAFANA_PASSWORD_FILE": secret})
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func loadWith(t *testing.T, environment types.Mapping) (*types.Project, error) {
	t.Helper()
	folder, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  folder,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(folder, "compose.yaml")}},
		Environment: environment,
	})
}

// TestSecretsMustBeGiven holds that nothing starts with a password that everybody knows.
func TestSecretsMustBeGiven(t *testing.T) {
	for _, missing := range []string{"METRICS_TOKEN_FILE", "GRAFANA_PASSWORD_FILE"} {
		environment := types.Mapping{"METRICS_TOKEN_FILE": "x", "GRAFANA_PASSWORD_FILE": "x"}
		delete(environment, missing)
		if _, err := loadWith(t, environment); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
	for name := range load(t).Services["grafana"].Environment {
		if strings.Contains(name, "PASSWORD") && !strings.HasSuffix(name, "__FILE") {
			t.Errorf("Grafana has %s", name)
		}
	}
}

func TestMounts(t *testing.T) {
	project := load(t)
	for name, service := range project.Services {
		if !service.ReadOnly {
			t.Errorf("%s may write to its image", name)
		}
		for _, mount := range service.Volumes {
			switch mount.Type {
			case types.VolumeTypeBind:
				if _, err := os.Stat(mount.Source); err != nil || !mount.ReadOnly {
					t.Errorf("%s: %s, read-only %v: %v", name, mount.Source, mount.ReadOnly, err)
				}
			case types.VolumeTypeVolume:
				if _, declared := project.Volumes[mount.Source]; !declared {
					t.Errorf("%s: no volume %q", name, mount.Source)
				}
			}
		}
		for _, secret := range service.Secrets {
			if _, declared := project.Secrets[secret.Source]; !declared {
				t.Errorf("%s: no secret %q", name, secret.Source)
			}
		}
	}
}

// exact is an image with a version of three numbers.
var exact = regexp.MustCompile(`^[a-z]+/[a-z]+(-[a-z]+)*:v?[0-9]+\.[0-9]+\.[0-9]+$`)

func TestServices(t *testing.T) {
	project := load(t)
	if want := []string{"alertmanager", "collector", "grafana", "jaeger", "prometheus"}; !slices.Equal(slices.Sorted(maps.Keys(project.Services)), want) {
		t.Errorf("services %v", project.ServiceNames())
	}
	for name, service := range project.Services {
		if !exact.MatchString(service.Image) {
			t.Errorf("%s: the image %s is not pinned", name, service.Image)
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open on %q", name, port.Published, port.HostIP)
			}
		}
		if service.Privileged || !slices.Contains(service.CapDrop, "ALL") || !slices.Contains(service.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s has rights that it does not need", name)
		}
		if checked := service.HealthCheck != nil; checked == (name == "collector") {
			t.Errorf("%s: a health check: %v", name, checked)
		}
		if service.Deploy == nil || service.Deploy.Resources.Limits == nil {
			t.Errorf("%s has no limits", name)
			continue
		}
		if limits := service.Deploy.Resources.Limits; limits.MemoryBytes == 0 || limits.NanoCPUs == 0 || limits.Pids == 0 {
			t.Errorf("%s: limits %+v", name, *limits)
		}
	}
}

// TestCollectorIsTheTestedOne holds that the image has the version that tests run.
func TestCollectorIsTheTestedOne(t *testing.T) {
	text, err := os.ReadFile("../../tools/otelcol/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	module, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, required := range module.Require {
		if required.Mod.Path == "go.opentelemetry.io/collector/otelcol" {
			if _, tag, _ := strings.Cut(load(t).Services["collector"].Image, ":"); "v"+tag != required.Mod.Version {
				t.Errorf("the image is %s, the tested one %s", tag, required.Mod.Version)
			}
			return
		}
	}
	t.Error("tools/otelcol has no collector")
}

// TestVariablesAreDocumented holds that each variable stands in .env.example and on
// the page, and no other.
func TestVariablesAreDocumented(t *testing.T) {
	used := found(t, "compose.yaml", `\$\{([A-Z_]+)`)
	if len(used) < 5 {
		t.Fatalf("variables %v", used)
	}
	for file, pattern := range map[string]string{".env.example": `(?m)^#?([A-Z_]+)=`, "README.md": "(?m)^\\| `([A-Z_]+)` \\|"} {
		if documented := found(t, file, pattern); !slices.Equal(used, documented) {
			t.Errorf("%s has %v, compose.yaml %v", file, documented, used)
		}
	}
	for _, name := range used {
		if strings.HasPrefix(name, "VENTA_") {
			t.Errorf("a gateway in the same shell refuses %s", name)
		}
	}
}

// found returns what a pattern's group matches in a file, each once.
func found(t *testing.T, file, pattern string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}
