package starter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

const ventaModule = "github.com/venta-hq/venta"

// venta is what a project requires of Venta.
type venta struct {
	Version  string
	Checkout string // a folder, absolute, in place of the version
}

// unpublished is a version that no module has: a checkout replaces it.
const unpublished = "v0.0.0"

var semver = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+([-+].+)?$`)

// parseVenta reads what --venta says. Empty means the running program's version.
func parseVenta(text string) (venta, error) {
	if text == "" {
		info, ok := debug.ReadBuildInfo()
		if !ok {
			info = &debug.BuildInfo{}
		}
		return installedVersion(info)
	}
	if semver.MatchString(text) {
		return venta{Version: text}, nil
	}
	dir, err := filepath.Abs(text)
	if err != nil {
		return venta{}, err
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !strings.HasPrefix(string(mod), "module "+ventaModule+"\n") {
		return venta{}, fmt.Errorf("--venta: %q is neither a version, such as v1.2.3, nor the folder of a checkout of %s", text, ventaModule)
	}
	return venta{Version: unpublished, Checkout: dir}, nil
}

// installedVersion returns the version of a program that was installed as one.
// What was built in a checkout bears a version that can be downloaded nowhere.
func installedVersion(info *debug.BuildInfo) (venta, error) {
	version := info.Main.Version
	checkout := version == "" || version == "(devel)"
	for _, setting := range info.Settings {
		checkout = checkout || strings.HasPrefix(setting.Key, "vcs.")
	}
	if info.Main.Path != ventaModule || checkout {
		return venta{}, errors.New("this is a development build, whose version can be downloaded nowhere: say with --venta what the project requires, a version such as v1.2.3 or the folder of a checkout")
	}
	return venta{Version: version}, nil
}
