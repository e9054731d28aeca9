// Package starter takes an author from an empty folder to a gateway: the
// commands init, schemas and generate of `venta`.
package starter

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"text/template"

	"github.com/venta-hq/venta/internal/schemas"
)

// What every file of a new project is made from. The suffix keeps them out of
// this module.
//
//go:embed all:template
var templates embed.FS

const (
	// goVersion is the oldest Go that the project builds with: that of our go.mod.
	goVersion = "1.26.0"
	// grpcPlugin is the version of protoc-gen-go-grpc, a module of its own.
	grpcPlugin = "v1.6.2"
)

// project is what the templates know.
type project struct {
	Name     string // of the program, the proto package and the Go packages
	Module   string
	Venta    venta
	Go, GRPC string
}

// files returns the project's files, the schemas that it imports among them.
func (p project) files() ([]schemas.File, error) {
	files, err := schemas.All()
	if err != nil {
		return nil, err
	}
	for i := range files {
		files[i].Path = path.Join("third_party", files[i].Path)
	}
	err = fs.WalkDir(templates, "template", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := p.render(name)
		files = append(files, schemas.File{Path: p.path(name), Text: text})
		return err
	})
	return files, err
}

// path returns where a template's file is in the project.
func (p project) path(name string) string {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "template/"), ".tmpl")
	return strings.ReplaceAll(name, "NAME", p.Name)
}

func (p project) render(name string) ([]byte, error) {
	parsed, err := template.New(path.Base(name)).Delims("<%", "%>").Option("missingkey=error").ParseFS(templates, name)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := parsed.Execute(&text, p); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text.Bytes(), nil
}
