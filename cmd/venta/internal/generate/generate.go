// Package generate runs the plugins of a buf.gen.yaml over the schemas of a
// buf.yaml, for those who have no buf: building buf takes longer than everything
// else between an empty folder and the first call.
//
// It takes local plugins, their options and modules in folders, and refuses what
// it does not know. Its output is byte for byte what buf generate writes.
package generate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/venta-hq/venta/internal/schemas"
)

// Run generates what dir's buf.gen.yaml requests. Nothing is written unless all
// plugins succeed. What they warn of is written to warn, as buf does.
func Run(ctx context.Context, dir string, warn io.Writer) error {
	w, t, err := load(dir)
	if err != nil {
		return err
	}
	request, err := compile(ctx, dir, w, t)
	if err != nil {
		return err
	}
	var files []schemas.File
	for _, p := range t.Plugins {
		generated, err := p.run(ctx, dir, request, warn)
		if err != nil {
			return fmt.Errorf("%s: %w", strings.Join(p.Local, " "), err)
		}
		files = append(files, generated...)
	}
	by := map[string]bool{}
	for _, f := range files {
		if by[f.Path] {
			return fmt.Errorf("%s is generated twice", f.Path)
		}
		by[f.Path] = true
	}
	_, err = schemas.Write(dir, files, true)
	return err
}

// run passes the request, with the plugin's options, to the plugin.
func (p plugin) run(ctx context.Context, dir string, request *pluginpb.CodeGeneratorRequest, warn io.Writer) ([]schemas.File, error) {
	request.Parameter = new(strings.Join(p.Opt, ","))
	encoded, err := proto.Marshal(request)
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, p.Local[0], p.Local[1:]...) //nolint:gosec // the program that the project's buf.gen.yaml names
	command.Dir, command.Stdin, command.Stdout, command.Stderr = dir, bytes.NewReader(encoded), &stdout, &stderr
	if err := command.Run(); err != nil {
		return nil, errors.Join(err, errors.New(strings.TrimSpace(stderr.String())))
	}
	if _, err := stderr.WriteTo(warn); err != nil {
		return nil, err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(stdout.Bytes(), &response); err != nil {
		return nil, fmt.Errorf("its output is no response of a plugin: %w", err)
	}
	if response.Error != nil {
		return nil, errors.New(response.GetError())
	}
	files := make([]schemas.File, 0, len(response.GetFile()))
	for _, f := range response.GetFile() {
		if f.GetInsertionPoint() != "" || f.GetName() == "" {
			return nil, fmt.Errorf("it inserts into %q, which only buf generate can do", f.GetName())
		}
		files = append(files, schemas.File{Path: path.Join(p.Out, f.GetName()), Text: []byte(f.GetContent())})
	}
	return files, nil
}
