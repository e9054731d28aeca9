package assembly

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/etag"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/transcode"
)

// requestConditions judges the conditions of requests where the edge has read them:
// it fills them into the message before any step sees that. On a grpc-gateway mux an
// RPC without a version passes them over, as stock does.
func (b *builder) requestConditions() transcode.Conditions {
	p := b.rpc.Policy.Etag
	if p == nil && b.env.Edge.DropIn {
		return nil
	}
	options := etag.Options{AsStock: b.env.Edge.DropIn}
	if p != nil {
		options.Reads, options.Shadow, options.OnShadow = b.rpc.Reads, p.Shadow, b.onShadow("etag")
		field, err := policy.ResolveFieldPath(b.versioned(), p.Field)
		if err != nil {
			return made[transcode.Conditions](b, nil, err)
		}
		options.Field = field
	}
	return etag.New(options)
}

// versioned returns the message that has the version.
func (b *builder) versioned() protoreflect.MessageDescriptor {
	if b.rpc.Reads {
		return b.rpc.Method.Call.NewResponse().ProtoReflect().Descriptor()
	}
	return b.rpc.Method.Call.NewRequest().ProtoReflect().Descriptor()
}

// unmasked returns the version that a PATCH does not change.
func (b *builder) unmasked() string {
	if p := b.rpc.Policy.Etag; p != nil && !p.Shadow && !b.rpc.Reads {
		return p.Field
	}
	return ""
}
