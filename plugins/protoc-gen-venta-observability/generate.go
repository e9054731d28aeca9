package main

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/venta-hq/venta/plugins/internal/program"
	"github.com/venta-hq/venta/plugins/internal/resolve"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/api"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/dashboards"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/rules"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/runbooks"
)

// generate returns the response to a request: all files, or what is wrong.
func generate(request *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	o := newOptions()
	plugin, err := protogen.Options{ParamFunc: o.set}.New(request)
	if err == nil {
		err = o.finish()
	}
	if err != nil {
		return program.Declare(&pluginpb.CodeGeneratorResponse{Error: new(err.Error())})
	}
	files, _, err := resolve.Files(plugin, o.resolve) // protoc-gen-venta-gateway says the warnings
	if err != nil {
		plugin.Error(err)
		return program.Declare(plugin.Response())
	}
	if served := api.Of(files); len(served.Methods) > 0 {
		write(plugin, "prometheus/rules.yaml", rules.File(served, o.rules))
		for _, d := range dashboards.All(served, o.rules.Queries) {
			write(plugin, "grafana/"+d.Name+".json", d.JSON)
		}
		write(plugin, "runbooks.md", runbooks.Page(o.rules))
	}
	return program.Declare(plugin.Response())
}

func write(plugin *protogen.Plugin, name, content string) {
	_, _ = plugin.NewGeneratedFile(name, "").Write([]byte(content)) // never fails
}
