// Package program has what each plugin of buf and protoc does alike: it reads one
// request, writes one response, and declares what it supports.
package program

import (
	"fmt"
	"io"
	"runtime/debug"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const features = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL |
	pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)

// Serve serves one request. An error means that no response can be written; what is
// wrong with the schemas is part of the response.
func Serve(args []string, in io.Reader, out io.Writer, generate func(*pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse) error {
	if len(args) > 0 {
		return fmt.Errorf("unknown argument %q: buf and protoc run this program", args[0])
	}
	encoded, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	var request pluginpb.CodeGeneratorRequest
	if err := proto.Unmarshal(encoded, &request); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	response, err := proto.Marshal(generate(&request))
	if err != nil {
		return fmt.Errorf("writing the response: %w", err)
	}
	if _, err := out.Write(response); err != nil {
		return fmt.Errorf("writing the response: %w", err)
	}
	return nil
}

// Declare adds what the plugin supports, which a compiler reads in every response.
func Declare(response *pluginpb.CodeGeneratorResponse) *pluginpb.CodeGeneratorResponse {
	response.SupportedFeatures = new(features)
	response.MinimumEdition = proto.Int32(int32(descriptorpb.Edition_EDITION_PROTO2))
	response.MaximumEdition = proto.Int32(int32(descriptorpb.Edition_EDITION_2024))
	return response
}

// IsVersion tells whether a program is asked for its version.
func IsVersion(args []string) bool {
	return len(args) == 1 && (args[0] == "-version" || args[0] == "--version")
}

// Version returns the version of the program.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
