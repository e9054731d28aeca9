package annotation

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// notYet is a field, or one value of an enum field, that the schema defines and
// the gateway does not honour yet.
type notYet struct {
	field  protoreflect.FullName
	value  protoreflect.EnumNumber // with anyValue: the field itself
	remedy string
}

const anyValue protoreflect.EnumNumber = -1

// unsupported lists all of them. What becomes supported leaves this list.
func unsupported() []notYet {
	return []notYet{
		{"venta.policy.v1.Policy.adapts", anyValue, "remove it, and serve the RPC by a service of its own"},
		{"venta.policy.v1.Policy.idempotency", anyValue, "remove it, and recognise repeated deliveries in the service"},
		{"venta.policy.v1.Auth.schemes", protoreflect.EnumNumber(policyv1.Auth_SCHEME_MTLS), "write SCHEME_BEARER or SCHEME_API_KEY"},
		{"venta.policy.v1.Version.brown_outs", anyValue, "remove it"},
		{"venta.policy.v1.Response.mode", protoreflect.EnumNumber(policyv1.Mode_MODE_SHADOW), "write MODE_ENFORCE or MODE_OFF: a presentation decides nothing that could be counted"},
		{"venta.policy.v1.Forward.mode", protoreflect.EnumNumber(policyv1.Mode_MODE_SHADOW), "write MODE_ENFORCE or MODE_OFF: a header travels or does not, and nothing could be counted"},
		{"venta.policy.v1.Stream.mode", protoreflect.EnumNumber(policyv1.Mode_MODE_SHADOW), "write MODE_ENFORCE or MODE_OFF: a stream is offered or not, and nothing could be counted"},
		{"venta.policy.v1.Webhook.mode", protoreflect.EnumNumber(policyv1.Mode_MODE_SHADOW), "write MODE_ENFORCE: what is taken unverified is anybody's"},
		{"venta.policy.v1.Webhook.mode", protoreflect.EnumNumber(policyv1.Mode_MODE_OFF), "remove the block: what is taken unverified is anybody's"},
	}
}

// findUnsupported returns the entry that a field falls under: with anyValue the
// field itself, otherwise one value of it.
func findUnsupported(field protoreflect.FieldDescriptor, value protoreflect.EnumNumber) (notYet, bool) {
	for _, entry := range unsupported() {
		if entry.field == field.FullName() && entry.value == value {
			return entry, true
		}
	}
	return notYet{}, false
}
