package program

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Roots are the folders that import paths begin in, as the option module_root says,
// which may be given several times: a compiler tells a plugin no more of where its
// files are. It is a flag.Value.
type Roots []string

// Set adds a folder.
func (r *Roots) Set(folder string) error {
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", folder)
	}
	*r = append(*r, folder)
	return nil
}

// String implements flag.Value.
func (r *Roots) String() string { return strings.Join(*r, ",") }

// FileName returns a schema's path below the first root that has it, or its import
// path.
func (r *Roots) FileName(path string) string {
	for _, root := range *r {
		name := filepath.Join(root, filepath.FromSlash(path))
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return path
}
