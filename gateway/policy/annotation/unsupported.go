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
		{"venta.policy.v1.Policy.stream", anyValue, "remove it"},
		{"venta.policy.v1.Policy.objective", anyValue, "remove it, and write the alerts by hand"},
		{"venta.policy.v1.RateLimit.tiers", anyValue, "remove it"},
		{"venta.policy.v1.RateLimit.scope", protoreflect.EnumNumber(policyv1.RateLimit_SCOPE_SHARED), "write SCOPE_LOCAL: each gateway process counts alone"},
		{"venta.policy.v1.RateLimit.on_store_failure", anyValue, "remove it: a local count needs no store"},
		{"venta.policy.v1.RateLimitKey.api_key", anyValue, "use another key, such as \"principal: true\""},
		{"venta.policy.v1.CircuitBreaker.scope", protoreflect.EnumNumber(policyv1.CircuitBreaker_SCOPE_ENDPOINT), "write SCOPE_METHOD or SCOPE_SERVICE"},
		{"venta.policy.v1.Cache.stale_while_revalidate", anyValue, "remove it"},
		{"venta.policy.v1.Cache.negative_ttl", anyValue, "remove it"},
		{"venta.policy.v1.Auth.schemes", protoreflect.EnumNumber(policyv1.Auth_SCHEME_API_KEY), "write SCHEME_BEARER"},
		{"venta.policy.v1.Auth.schemes", protoreflect.EnumNumber(policyv1.Auth_SCHEME_MTLS), "write SCHEME_BEARER"},
		{"venta.policy.v1.Version.brown_outs", anyValue, "remove it"},
	}
}

// findUnsupported returns the entry that a field falls under: with anyValue the
// field itself, otherwise one value of it. MODE_SHADOW is unsupported in every
// block.
func findUnsupported(field protoreflect.FieldDescriptor, value protoreflect.EnumNumber) (notYet, bool) {
	if field.Name() == "mode" && value == protoreflect.EnumNumber(policyv1.Mode_MODE_SHADOW) {
		return notYet{field.FullName(), value, "write MODE_ENFORCE or MODE_OFF"}, true
	}
	for _, entry := range unsupported() {
		if entry.field == field.FullName() && entry.value == value {
			return entry, true
		}
	}
	return notYet{}, false
}
