package policy

import (
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func (e *Etag) limits() faults {
	var found faults
	if e.Field == "" {
		found.add("etag.field", "names no field", `write the field that is the version, such as "order.etag"`)
	}
	return found
}

func (e *Etag) rules(rpc RPC, m Method) faults {
	if rpc.streaming() {
		return faults{{"etag", "a stream has no version", `remove it, or write "etag: {disabled: true}"`}}
	}
	message := rpc.Input
	if rpc.Reads() {
		message = rpc.Output
	}
	var found faults
	if e.Field != "" {
		found = append(found, e.fieldRules(message)...)
	}
	if !rpc.Reads() {
		found = append(found, e.writeRules(m)...)
	}
	return found
}

func (e *Etag) fieldRules(message protoreflect.MessageDescriptor) faults {
	var found faults
	path, ok := found.field("etag.field", message, e.Field)
	if ok && path[len(path)-1].Kind() != protoreflect.StringKind {
		found.add("etag.field", fmt.Sprintf("%q is no string", e.Field), "name a string: a version means nothing but itself")
	}
	return found
}

// writeRules refuses second attempts that would meet the version that the first one
// has made.
func (e *Etag) writeRules(m Method) faults {
	var found faults
	if m.Hedge != nil {
		found.add("etag", "the RPC is hedged, and of two attempts to change one version one ends with ABORTED",
			`write "hedge: {disabled: true}", or remove this`)
	}
	if m.Retry != nil && slices.Contains(m.Retry.RetryableStatusCodes, codes.Aborted) {
		found.add("etag", "the RPC is retried after ABORTED, and a version that has passed does not come back",
			"remove ABORTED from retry.retryable_status_codes, or remove this")
	}
	return found
}
