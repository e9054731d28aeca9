package main

import (
	"fmt"
	"io"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/venta-hq/venta/plugins/internal/program"
	"github.com/venta-hq/venta/plugins/internal/resolve"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-gateway/internal/emit"
)

// generate returns the response to a request: all files, or what is wrong. Warnings
// are written to warn.
func generate(request *pluginpb.CodeGeneratorRequest, warn io.Writer) *pluginpb.CodeGeneratorResponse {
	o := newOptions()
	plugin, err := protogen.Options{ParamFunc: o.set}.New(request)
	if err == nil {
		err = o.finish()
	}
	if err != nil {
		return program.Declare(&pluginpb.CodeGeneratorResponse{Error: new(err.Error())})
	}
	files, warnings, err := resolve.Files(plugin, o.resolve)
	if err != nil {
		plugin.Error(err)
	}
	for _, warning := range warnings {
		_, _ = fmt.Fprintln(warn, warning) // nobody is left to tell
	}
	for _, file := range files {
		emit.File(plugin, file, o.emit)
	}
	return program.Declare(plugin.Response())
}
