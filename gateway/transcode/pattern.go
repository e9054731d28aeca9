package transcode

import (
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"

	"github.com/venta-hq/venta/gateway/transcode/httprule"
)

// Pattern returns the route's template as grpc-gateway's mux matches it.
func (rt *Route) Pattern() (runtime.Pattern, error) {
	var c patternCompiler
	c.template(rt.template)
	var options []runtime.PatternOpt
	if rt.template.IsStrict() {
		options = append(options, runtime.WithStrictDeepWildcard())
	}
	return runtime.NewPatternWithOptions(1, c.ops, c.pool, rt.template.Verb(), options...)
}

// patternCompiler writes the operations of a runtime.Pattern, pairs of a code
// and an operand.
type patternCompiler struct {
	ops  []int
	pool []string
}

func (c *patternCompiler) template(t *httprule.Template) {
	segments := t.Segments()
	if len(segments) == 0 { // the root is one empty segment
		segments = []httprule.Segment{{Kind: httprule.Literal}}
	}
	variables := t.Variables()
	for i, s := range segments {
		c.segment(s)
		if len(variables) > 0 && variables[0].End == i+1 {
			c.op(utilities.OpConcatN, variables[0].End-variables[0].Start)
			c.op(utilities.OpCapture, c.constant(variables[0].FieldPath))
			variables = variables[1:]
		}
	}
}

func (c *patternCompiler) segment(s httprule.Segment) {
	switch s.Kind {
	case httprule.Wildcard:
		c.op(utilities.OpPush, 0)
	case httprule.Deep:
		c.op(utilities.OpPushM, 0)
	default:
		c.op(utilities.OpLitPush, c.constant(s.Literal))
	}
}

func (c *patternCompiler) op(code utilities.OpCode, operand int) {
	c.ops = append(c.ops, int(code), operand)
}

func (c *patternCompiler) constant(text string) int {
	c.pool = append(c.pool, text)
	return len(c.pool) - 1
}
