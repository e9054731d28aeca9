package jsonschema_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/venta-hq/venta/gateway/config/jsonschema"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

func TestGenerate(t *testing.T) {
	text, err := jsonschema.Generate((&configv1.RateLimits{}).ProtoReflect().Descriptor(), jsonschema.Options{
		Title:   "Limits",
		Comment: func(d protoreflect.Descriptor) string { return "about " + string(d.Name()) },
		Default: func(fd protoreflect.FieldDescriptor) (any, bool) { return 0, fd.Name() == "max_keys" },
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
    "max_keys": {
      "description": "about max_keys",
      "default": 0,
      "anyOf": [
        {
          "type": "integer",
          "minimum": 1024,
          "maximum": 67108864
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
