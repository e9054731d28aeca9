package jsonschema_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/venta-hq/venta/gateway/config/jsonschema"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

func TestGenerate(t *testing.T) {
	text, err := jsonschema.Generate((&configv1.RateLimits{}).ProtoReflect().Descriptor(), jsonschema.Options{
		Title:   "Limits",
		Comment: func(d protoreflect.Descriptor) string { return "about " + string(d.Name()) },
		Default: func(fd protoreflect.FieldDescriptor) (any, bool) { return 0, fd.Name() == "max_bytes" },
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Limits",
  "description": "about RateLimits",
  "type": "object",
  "properties": {
    "headers": {
      "description": "about headers",
      "anyOf": [
        {
          "enum": [
            "draft_10",
            "draft_03",
            "none",
            "HEADERS_DRAFT_10",
            "HEADERS_DRAFT_03",
            "HEADERS_NONE"
          ]
        },
        {
          "$ref": "#/$defs/variable"
        }
      ]
    },
    "max_bytes": {
      "description": "about max_bytes",
      "default": 0,
      "anyOf": [
        {
          "type": "integer",
          "minimum": 1048576,
          "maximum": 1099511627776
        },
        {
          "type": "string",
          "pattern": "^[0-9]+[KMG]i$"
        },
        {
          "$ref": "#/$defs/variable"
        }
      ]
    }
  },
  "additionalProperties": false,
  "$defs": {
    "variable": {
      "description": "A value with variables of the environment.",
      "type": "string",
      "pattern": "\\$\\{"
    }
  }
}
`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMessagesWithinThemselves: a DescriptorProto holds DescriptorProtos.
func TestMessagesWithinThemselves(t *testing.T) {
	md := (&descriptorpb.DescriptorProto{}).ProtoReflect().Descriptor()
	first, err := jsonschema.Generate(md, jsonschema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := jsonschema.Generate(md, jsonschema.Options{})
	if err != nil || !bytes.Equal(first, second) || !json.Valid(first) {
		t.Errorf("not the same twice, or no JSON: %v", err)
	}
}

// TestOptionalIsNoChoice holds that a message of one optional field, which
// proto3 wraps into a oneof of its own, is no message of alternatives.
func TestOptionalIsNoChoice(t *testing.T) {
	field := func(optional bool) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{
			Name: new("x"), Number: proto.Int32(1), OneofIndex: proto.Int32(0), Proto3Optional: new(optional),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: descriptorpb.FieldDescriptorProto_TYPE_INT32.Enum(),
		}
	}
	for optional, want := range map[bool]bool{true: false, false: true} {
		file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
			Name: new("x.proto"), Syntax: new("proto3"),
			MessageType: []*descriptorpb.DescriptorProto{{
				Name:      new("X"),
				Field:     []*descriptorpb.FieldDescriptorProto{field(optional)},
				OneofDecl: []*descriptorpb.OneofDescriptorProto{{Name: new("_x")}},
			}},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jsonschema.Generate(file.Messages().Get(0), jsonschema.Options{
			Comment: func(protoreflect.Descriptor) string { return "" },
			Default: func(protoreflect.FieldDescriptor) (any, bool) { return nil, false },
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(text, []byte("maxProperties")); got != want {
			t.Errorf("optional %v: a choice: %v, want %v\n%s", optional, got, want, text)
		}
	}
}
