package httprule

import (
	"fmt"
	"strings"
	"unicode/utf8"
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

// Parse parses a template. It accepts what grpc-gateway accepts: a colon in a
// segment other than the last one is part of it, and the last colon of the last
// segment begins the verb (the first one, behind a variable). Empty segments
// and a second "**" are refused; grpc-gateway takes the former for "*" and stops
// the process at the latter. Every error is a [*SyntaxError].
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

func (p *parser) atEnd() bool { return p.pos == len(p.src) }

func (p *parser) accept(c byte) bool {
	if p.atEnd() || p.src[p.pos] != c {
		return false
	}
	p.pos++
	return true
}

func (p *parser) template() error {
	if !p.accept('/') {
		return p.fail("must begin with /")
	}
	if p.atEnd() {
		return nil // the root
	}
	if err := p.segments(false); err != nil {
		return err
	}
	if !p.atEnd() {
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
	if !p.accept('{') {
		return p.plain(inside)
	}
	if inside {
		p.pos--
		return p.fail("a variable inside a variable")
	}
	if err := p.variable(); err != nil {
		return err
	}
	if rest := p.src[p.pos:]; strings.HasPrefix(rest, ":") && !strings.ContainsAny(rest, "/{") {
		return p.verb()
	}
	return nil
}

// plain parses a wildcard or a literal, and the verb behind the last one.
func (p *parser) plain(inside bool) error {
	ends := "/{"
	if inside {
		ends = "/}{"
	}
	text := p.src[p.pos:]
	if end := strings.IndexAny(text, ends); end >= 0 {
		text = text[:end]
	}
	colon := -1
	if !inside && p.pos+len(text) == len(p.src) {
		colon = strings.LastIndexByte(text, ':')
	}
	if colon >= 0 {
		text = text[:colon]
	}
	if err := p.piece(text); err != nil || colon < 0 {
		return err
	}
	return p.verb()
}

func (p *parser) piece(text string) error {
	switch text {
	case "":
		return p.fail("an empty segment")
	case "*":
		p.add(Segment{Kind: Wildcard})
	case "**":
		for _, s := range p.t.segments {
			if s.Kind == Deep {
				return p.fail("a second **")
			}
		}
		p.add(Segment{Kind: Deep})
	default:
		if err := p.checkLiteral(text); err != nil {
			return err
		}
		p.add(Segment{Kind: Literal, Literal: text})
	}
	p.pos += len(text)
	return nil
}

func (p *parser) add(s Segment) { p.t.segments = append(p.t.segments, s) }

// verb parses what follows the colon, up to the end. A colon alone is no verb.
func (p *parser) verb() error {
	p.pos++ // the colon
	verb := p.src[p.pos:]
	if err := p.checkLiteral(verb); err != nil {
		return err
	}
	p.t.verb = verb
	p.pos = len(p.src)
	return nil
}

// checkLiteral holds a literal to the characters of a path segment (RFC 3986,
// pchar).
func (p *parser) checkLiteral(text string) error {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]):
			i += 2
		case isAlphanumeric(c), strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0:
		default:
			p.pos += i
			r, _ := utf8.DecodeRuneInString(text[i:])
			return p.fail("unexpected %q", r)
		}
	}
	return nil
}

func (p *parser) variable() error {
	v := Variable{Start: len(p.t.segments)}
	end := strings.IndexAny(p.src[p.pos:], "=}/{")
	if end < 0 {
		return p.fail("a { without }")
	}
	v.FieldPath = p.src[p.pos : p.pos+end]
	for name := range strings.SplitSeq(v.FieldPath, ".") {
		if !isIdent(name) {
			return p.fail("%q is not a field path", v.FieldPath)
		}
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

func isIdent(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isAlphanumeric(c) && c != '_' || i == 0 && '0' <= c && c <= '9' {
			return false
		}
	}
	return s != ""
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
