package main

import (
	"fmt"
	"io"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/venta-hq/venta/plugins/protoc-gen-venta-gateway/internal/emit"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-gateway/internal/resolve"
)

const features = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL |
	pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)

// generate returns the response to a request: all files, or what is wrong. Warnings
// are written to warn.
func generate(request *pluginpb.CodeGeneratorRequest, warn io.Writer) *pluginpb.CodeGeneratorResponse {
	o := newOptions()
	plugin, err := protogen.Options{ParamFunc: o.set}.New(request)
	if err == nil {
		err = o.finish()
	}
	if err != nil {
		return declare(&pluginpb.CodeGeneratorResponse{Error: new(err.Error())})
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
	return declare(plugin.Response())
}

// declare adds what the plugin supports, which a compiler reads in every
// response.
func declare(response *pluginpb.CodeGeneratorResponse) *pluginpb.CodeGeneratorResponse {
	response.SupportedFeatures = new(features)
	response.MinimumEdition = proto.Int32(int32(descriptorpb.Edition_EDITION_PROTO2))
	response.MaximumEdition = proto.Int32(int32(descriptorpb.Edition_EDITION_2024))
	return response
}
