package gateway_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/venta-hq/venta/"

// shared are the packages that policy packages may stand on.
var shared = []string{
	"gateway/policy", "gateway/apierror", "gateway/deadline", "gateway/redis", "gateway/requestctx",
	"gateway/internal/circuit", "gateway/internal/clientstream", "gateway/internal/forward", "gateway/internal/instrument", "gateway/internal/panics", "gateway/internal/responsewriter",
}

// above are the packages of gateway/ that use the gateway instead of being a
// part of it.
var above = []string{"gateway/gatewaytest", "gateway/process", "gateway/transcode/oracle"}

// inside are the packages that put the leaves together, behind the gateway.
var inside = []string{"gateway/internal/assembly", "gateway/internal/edge"}

// TestImportDirection holds the direction that the architecture promises: leaves
// import neither each other nor the gateway nor its assembly, which imports them;
// the gateway imports no API's generated code and no plugin. Packages of one leaf
// may share.
func TestImportDirection(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		importer := filepath.ToSlash(filepath.Join("gateway", filepath.Dir(path)))
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if strings.HasPrefix(imported, "github.com/nats-io/nats-server") {
				t.Errorf("gateway/%s imports %s: a server belongs to no user's gateway", path, imported)
			}
			if rest, own := strings.CutPrefix(imported, module); own {
				seen++
				if why := forbidden(importer, rest); why != "" {
					t.Errorf("gateway/%s imports %s: %s", path, rest, why)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Errorf("only %d imports seen: the test looks at the wrong place", seen)
	}
}

// forbidden says why a package must not import another, or "".
func forbidden(importer, imported string) string {
	switch {
	case strings.HasPrefix(imported, "plugins/") || strings.HasPrefix(imported, "services/") || strings.HasPrefix(imported, "cmd/"):
		return "the runtime must not know who uses it"
	case strings.HasPrefix(imported, "gen/"):
		if strings.HasPrefix(imported, "gen/venta/policy/") || strings.HasPrefix(imported, "gen/venta/config/") {
			return ""
		}
		return "the runtime must not know an API"
	case within(above, imported) && !within(above, importer):
		return "the gateway must not know what is built of it"
	case importer == "gateway" || within(above, importer):
		return ""
	case imported == "gateway" || within(inside, imported) && !within(inside, importer):
		return "a leaf must not know the gateway"
	case within(inside, importer):
		return ""
	case slices.Contains(shared, imported) || leaf(imported) == leaf(importer):
		return ""
	default:
		return "leaves must not know each other"
	}
}

// within reports whether a package is one of the folders or lies in one.
func within(folders []string, path string) bool {
	for _, folder := range folders {
		if path == folder || strings.HasPrefix(path, folder+"/") {
			return true
		}
	}
	return false
}

// leaf is the folder of gateway/ that a package belongs to.
func leaf(path string) string {
	parts := strings.SplitN(path, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}
