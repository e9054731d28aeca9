package httprule

import (
	"fmt"
	"strings"
)

// SyntaxError says what is wrong with a template, and where.
type SyntaxError struct {
	Template string
	Offset   int // in bytes
	Problem  string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("path template %q: at offset %d: %s", e.Template, e.Offset, e.Problem)
}

// Parse parses a template. Every error is a [*SyntaxError].
func Parse(template string) (*Template, error) {
	p := &parser{src: template, t: &Template{source: template}}
	if err := p.template(); err != nil {
		return nil, err
	}
	return p.t, nil
}

type parser struct {
	src string
	pos int
	t   *Template
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{Template: p.src, Offset: p.pos, Problem: fmt.Sprintf(format, args...)}
}

func (p *parser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *parser) accept(c byte) bool {
	if p.peek() != c || p.pos >= len(p.src) {
		return false
	}
	p.pos++
	return true
}

func (p *parser) template() error {
	if !p.accept('/') {
		return p.fail("must begin with /")
	}
	if p.src == "/" {
		return nil // the root
	}
	if err := p.segments(false); err != nil {
		return err
	}
	if p.accept(':') {
		p.t.verb = p.src[p.pos:]
		if p.t.verb == "" || strings.ContainsAny(p.t.verb, "/{}*") {
			return p.fail("a verb is a literal at the end of the path")
		}
		return nil
	}
	if p.pos < len(p.src) {
		return p.fail("unexpected %q", p.src[p.pos])
	}
	return nil
}

// segments parses "a/b/c"; inside says that a variable's braces are open.
func (p *parser) segments(inside bool) error {
	for {
		if err := p.segment(inside); err != nil {
			return err
		}
		if !p.accept('/') {
			return nil
		}
	}
}

func (p *parser) segment(inside bool) error {
	switch {
	case p.peek() == '{' && inside:
		return p.fail("a variable inside a variable")
	case p.peek() == '{':
		return p.variable()
	case strings.HasPrefix(p.src[p.pos:], "**"):
		return p.deep()
	case p.accept('*'):
		p.add(Segment{Kind: Wildcard})
		return nil
	default:
		return p.literal()
	}
}

func (p *parser) deep() error {
	for _, s := range p.t.segments {
		if s.Kind == Deep {
			return p.fail("a second **")
		}
	}
	p.pos += len("**")
	p.add(Segment{Kind: Deep})
	return nil
}

func (p *parser) literal() error {
	rest := p.src[p.pos:]
	end := strings.IndexAny(rest, "/{}*=:")
	if end < 0 {
		end = len(rest)
	}
	// A colon before another segment belongs to the literal; the last one of
	// the path begins the verb.
	for end < len(rest) && rest[end] == ':' && strings.ContainsAny(rest[end:], "/") {
		next := strings.IndexAny(rest[end+1:], "/{}*=:")
		if next < 0 {
			break
		}
		end += 1 + next
	}
	if end == 0 {
		return p.fail("an empty segment")
	}
	p.pos += end
	p.add(Segment{Kind: Literal, Literal: rest[:end]})
	return nil
}

func (p *parser) add(s Segment) { p.t.segments = append(p.t.segments, s) }

func (p *parser) variable() error {
	p.pos++ // the brace
	v := Variable{Start: len(p.t.segments)}
	end := strings.IndexAny(p.src[p.pos:], "=}/{")
	if end < 0 {
		return p.fail("a { without }")
	}
	v.FieldPath = p.src[p.pos : p.pos+end]
	if err := p.fieldPath(v.FieldPath); err != nil {
		return err
	}
	p.pos += end
	if p.accept('=') {
		if err := p.segments(true); err != nil {
			return err
		}
	} else {
		p.add(Segment{Kind: Wildcard})
	}
	if !p.accept('}') {
		return p.fail("a { without }")
	}
	v.End = len(p.t.segments)
	p.t.variables = append(p.t.variables, v)
	return nil
}

// fieldPath checks "a.b_c" and that it is bound once.
func (p *parser) fieldPath(path string) error {
	for _, name := range strings.Split(path, ".") {
		if !isIdent(name) {
			return p.fail("%q is not a field path", path)
		}
	}
	for _, v := range p.t.variables {
		if v.FieldPath == path {
			return p.fail("%q is bound twice", path)
		}
	}
	return nil
}

func isIdent(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
