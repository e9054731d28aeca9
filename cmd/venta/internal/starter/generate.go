package starter

import (
	"context"
	"os"

	"github.com/venta-hq/venta/cmd/venta/internal/generate"
)

// GenerateCommand runs the plugins of a buf.gen.yaml, for those without buf.
type GenerateCommand struct {
	Dir string `arg:"" optional:"" default:"." help:"Folder of buf.yaml and buf.gen.yaml." placeholder:"DIR"`
}

// Run generates.
func (c *GenerateCommand) Run(ctx context.Context) error { return generate.Run(ctx, c.Dir, os.Stderr) }
