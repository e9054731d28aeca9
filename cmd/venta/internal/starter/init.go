package starter

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/venta-hq/venta/internal/schemas"
)

// InitCommand writes a new project.
type InitCommand struct {
	Dir    string `arg:"" help:"Folder of the project; empty, or not there yet." placeholder:"DIR"`
	Name   string `help:"Name of the program and of its packages (default: the folder's)." placeholder:"NAME"`
	Module string `help:"Path of the Go module (default: example.com/NAME)." placeholder:"PATH"`
	Venta  string `help:"Version of Venta, or the folder of a checkout (default: the version of this program)." placeholder:"VERSION|DIR"`
}

// Run writes the project and says what to do next.
func (c *InitCommand) Run(out io.Writer) error {
	p, err := c.project()
	if err != nil {
		return err
	}
	if err := mustBeEmpty(c.Dir); err != nil {
		return err
	}
	files, err := p.files()
	if err != nil {
		return err
	}
	written, err := schemas.Write(c.Dir, files, false)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d files of a new project.\nNext: cd %s && make run\n", c.Dir, len(written), c.Dir)
	return err
}

var (
	projectName = regexp.MustCompile(`^[a-z][a-z0-9]{0,31}$`)
	modulePath  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)
	// taken are names that mean something else to Go, to schemas or to the Makefile.
	taken = []string{"bin", "buf", "gen", "google", "internal", "main", "orders", "testdata", "vendor", "venta"}
)

func (c *InitCommand) project() (project, error) {
	name := c.Name
	if name == "" {
		dir, err := filepath.Abs(c.Dir)
		if err != nil {
			return project{}, err
		}
		name = filepath.Base(dir)
	}
	if !projectName.MatchString(name) || slices.Contains(taken, name) {
		return project{}, fmt.Errorf("--name: %q cannot be a program's name: write up to 32 lower-case letters and digits, a letter first, and none of %v", name, taken)
	}
	module := c.Module
	if module == "" {
		module = path.Join("example.com", name)
	}
	if !modulePath.MatchString(module) {
		return project{}, fmt.Errorf("--module: %q is no path of a module, such as example.com/%s", module, name)
	}
	v, err := parseVenta(c.Venta)
	return project{Name: name, Module: module, Venta: v, Go: goVersion, GRPC: grpcPlugin}, err
}

// mustBeEmpty refuses a folder in which there is something.
func mustBeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: there is %s; name a new folder", dir, entries[0].Name())
	}
	return nil
}
