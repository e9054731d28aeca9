package gateway

import (
	"fmt"
	"net/http"
	"slices"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/transcode"
)

// builder makes the steps of one method's stacks. A block that is absent makes a
// nil step; one that cannot be built leaves an error.
type builder struct {
	*registrar
	service Service
	conn    grpc.ClientConnInterface // to the upstream; nil in front of the edge
	name    string                   // "package.Service.Method"
	method  transcode.Method
	policy  policy.Method
	writes  bool // some route is reached by a verb that changes something
	errs    []error
}

func (reg *registrar) builder(s Service, m Method) *builder {
	return &builder{
		registrar: reg, service: s, name: s.Name + "." + m.Name, method: s.transcoded(m), policy: m.Policy,
		writes: slices.ContainsFunc(m.Bindings, func(b Binding) bool { return !safe(b.Verb) }),
	}
}

// safe tells whether a verb only reads (RFC 9110, section 9.2.1).
func safe(verb string) bool {
	switch verb {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	default:
		return false
	}
}

// step keeps the error of a step that could not be built.
func (b *builder) step(step middleware, err error) middleware {
	if err != nil {
		b.errs = append(b.errs, err)
	}
	return step
}

// scope names what a part belongs to: the method, or its service.
func (b *builder) scope(perService bool) string {
	if perService {
		return b.service.Name
	}
	return b.name
}

// built returns what build makes, or nothing and keeps the error.
func built[T any](b *builder, build func() (T, error)) T {
	made, err := build()
	if err != nil {
		b.errs = append(b.errs, err)
	}
	return made
}

// remembered does the same for what keeps state between requests, which passes
// from one generation of stacks to the next.
func remembered[T any](b *builder, owner, block string, policy any, build func() (T, error)) T {
	return built(b, func() (T, error) {
		made, err := keep(b.parts, owner+"/"+block, policy, build)
		if err != nil {
			return made, fmt.Errorf("%s: %w", block, err)
		}
		return made, nil
	})
}
