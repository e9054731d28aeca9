package generate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// workspace is the part of buf.yaml that says where schemas are.
type workspace struct {
	Version  string   `yaml:"version"`
	Modules  []module `yaml:"modules"`
	Lint     any      `yaml:"lint"`     // for buf alone
	Breaking any      `yaml:"breaking"` // for buf alone
}

type module struct {
	Path     string `yaml:"path"`
	Name     string `yaml:"name"`     // for registries alone
	Lint     any    `yaml:"lint"`     // for buf alone
	Breaking any    `yaml:"breaking"` // for buf alone
}

// template is the part of buf.gen.yaml that needs no registry.
type template struct {
	Version string   `yaml:"version"`
	Inputs  []input  `yaml:"inputs"`
	Plugins []plugin `yaml:"plugins"`
}

type input struct {
	Directory string `yaml:"directory"`
}

type plugin struct {
	Local words  `yaml:"local"` // the command
	Out   string `yaml:"out"`
	Opt   words  `yaml:"opt"`
	// Strategy says how buf splits a request. Here a plugin sees all files at
	// once, from which a plugin may not generate anything else.
	Strategy string `yaml:"strategy"`
}

// words are one word or a list.
type words []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (w *words) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*w = words{node.Value}
		return nil
	}
	return node.Decode((*[]string)(w))
}

// load reads dir's buf.yaml and buf.gen.yaml. What it does not know is refused,
// never left out.
func load(dir string) (*workspace, *template, error) {
	var w workspace
	var t template
	err := errors.Join(
		decode(filepath.Join(dir, "buf.yaml"), &w, &w.Version),
		decode(filepath.Join(dir, "buf.gen.yaml"), &t, &t.Version),
	)
	if err != nil {
		return nil, nil, err
	}
	if len(w.Modules) == 0 {
		w.Modules = []module{{Path: "."}}
	}
	if len(t.Inputs) == 0 {
		for _, m := range w.Modules {
			t.Inputs = append(t.Inputs, input{Directory: m.Path})
		}
	}
	for i, p := range t.Plugins {
		if len(p.Local) == 0 || p.Out == "" {
			return nil, nil, fmt.Errorf("buf.gen.yaml: plugins[%d] must have `local` and `out`", i)
		}
	}
	return &w, &t, nil
}

func decode(path string, into any, version *string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w (venta generate takes local plugins and folders alone; for more run buf generate)", path, err)
	}
	if *version != "v2" {
		return fmt.Errorf("%s: version must be v2, not %q", path, *version)
	}
	return nil
}
