package starter

import (
	"errors"
	"fmt"
	"io"

	"github.com/venta-hq/venta/internal/schemas"
)

// SchemasCommand writes every schema that an author may import.
type SchemasCommand struct {
	Dir   string `arg:"" help:"Folder to write to." placeholder:"DIR"`
	Force bool   `help:"Overwrite files that differ."`
}

// Run writes the schemas and prints what it wrote.
func (c *SchemasCommand) Run(out io.Writer) error {
	files, err := schemas.All()
	if err != nil {
		return err
	}
	written, err := schemas.Write(c.Dir, files, c.Force)
	if errors.Is(err, schemas.ErrDiffers) {
		return fmt.Errorf("%w; --force overwrites", err)
	}
	if err != nil {
		return err
	}
	for _, path := range written {
		if _, err := fmt.Fprintln(out, path); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "%s: %d schemas written, %d were there already.\n", c.Dir, len(written), len(files)-len(written))
	return err
}
