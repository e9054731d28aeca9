package transcode

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The bounds of what a request may have its decoding cost. They are far above what
// APIs mean and far below what hurts: time and memory then grow with the body's
// size and with nothing else.
const (
	// maxDepth is how deep objects and arrays of a JSON body, and fields of a query
	// parameter, may be nested. Protocol Buffers themselves stop at 100 messages in
	// C++ and Java.
	maxDepth = 100
	// maxMaskBytes bounds the paths of the field mask that a PATCH without one gets:
	// each field costs its whole path, which is a square of the depth.
	maxMaskBytes = 4 << 20
	// freeTypedBytes is what objects with an "@type" may have together, beside
	// typedShare times the body: each google.protobuf.Any is read again for every one
	// around it, which is a square of their nesting.
	freeTypedBytes, typedShare = 16 << 20, 4
)

var (
	errTooDeep  = fmt.Errorf("the request is nested deeper than %d levels", maxDepth)
	errMask     = errors.New("the request's body changes too many nested fields; send a field mask")
	errTooTyped = errors.New(`too much of the request is nested within objects that have an "@type"`)
)

// guard reads JSON for a decoder and ends it where it would cost too much to decode,
// or where nobody waits for it any more. It checks nothing else: what is no JSON,
// the decoder finds.
type guard struct {
	ctx  context.Context
	body io.Reader
	mask bool // whether a field mask is made of the body

	offset          int64
	maskBytes       int64
	typedBytes      int64
	depth           int
	levels          [maxDepth]level
	text, key, skip bool     // within a string; one that is a name; behind a backslash
	nameNext        bool     // the next string is a name
	raw             [31]byte // the beginning of a name as it is written: "@type" has at most 30
	length          int      // of the name
	failure         error
}

// level is an object or array around the place.
type level struct {
	array, typed bool
	start        int64
	path         int // the length of the path to it and the name of its field
	name         int // the length of the name before the place
}

var guards = sync.Pool{New: func() any { return new(guard) }}

// guarded returns a reader of JSON. Free gives it back.
func guarded(ctx context.Context, body io.Reader, mask bool) *guard {
	g := guards.Get().(*guard)
	g.ctx, g.body, g.mask = ctx, body, mask
	return g
}

// free gives the guard back; its decoder must not read any more.
func (g *guard) free() {
	g.ctx, g.body, g.failure = nil, nil, nil
	g.offset, g.maskBytes, g.typedBytes, g.depth, g.length = 0, 0, 0, 0, 0
	g.text, g.key, g.skip, g.nameNext = false, false, false, false
	guards.Put(g)
}

// Read implements io.Reader.
func (g *guard) Read(p []byte) (int, error) {
	if g.failure == nil {
		g.failure = g.ctx.Err()
	}
	if g.failure != nil {
		return 0, g.failure
	}
	n, err := g.body.Read(p)
	if read, failure := g.scan(p[:n]); failure != nil {
		g.failure = failure
		return read, failure
	}
	return n, err
}

// scan follows the structure. It returns how much may be read.
func (g *guard) scan(p []byte) (int, error) {
	for i := 0; i < len(p); i++ {
		if g.text {
			i += g.inText(p[i:]) - 1
			continue
		}
		var err error
		switch p[i] {
		case '"':
			g.text, g.key, g.length = true, g.nameNext, 0
			g.nameNext = false
		case '{', '[':
			err = g.open(p[i] == '[', g.offset+int64(i))
		case '}', ']':
			err = g.close(g.offset + int64(i))
		case ',':
			g.nameNext = g.depth > 0 && !g.levels[g.depth-1].array
		}
		if err != nil {
			return i, err
		}
	}
	g.offset += int64(len(p))
	if g.mask && g.maskBytes > maxMaskBytes {
		return len(p), errMask
	}
	return len(p), nil
}

// inText follows a string as far as it goes, and returns how far.
func (g *guard) inText(p []byte) int {
	n := 0
	for ; n < len(p); n++ {
		if g.skip {
			g.skip = false
			continue
		}
		if p[n] == '"' {
			g.text = false
			break
		}
		g.skip = p[n] == '\\'
	}
	if g.key {
		copy(g.raw[min(g.length, len(g.raw)):], p[:n])
		g.length += n
	}
	if g.text {
		return n
	}
	if g.key {
		g.named()
	}
	return n + 1
}

// named is told of a member of the innermost object.
func (g *guard) named() {
	l := &g.levels[g.depth-1]
	l.name = g.length
	if l.path >= 0 {
		g.maskBytes += int64(l.path + 1 + g.length)
	}
	if raw := g.raw[:min(g.length, len(g.raw))]; isTypeName(raw) {
		l.typed = true
	}
}

// isTypeName tells whether a name, as it is written, is "@type".
func isTypeName(raw []byte) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == "@type"
	}
	var name string
	err := json.Unmarshal(append(append([]byte{'"'}, raw...), '"'), &name)
	return err == nil && name == "@type"
}

// open enters an object or array. Within an array nothing has a path in a mask.
func (g *guard) open(array bool, at int64) error {
	if g.depth == maxDepth {
		return errTooDeep
	}
	path := 0
	if g.depth > 0 {
		around := g.levels[g.depth-1]
		path = around.path + 1 + around.name
		if around.array || around.path < 0 {
			path = -1
		}
	}
	g.levels[g.depth] = level{array: array, start: at, path: path}
	g.depth++
	g.nameNext = !array
	return nil
}

// close leaves an object or array.
func (g *guard) close(at int64) error {
	g.nameNext = false
	if g.depth == 0 {
		return nil // the decoder refuses it
	}
	g.depth--
	if l := g.levels[g.depth]; l.typed {
		g.typedBytes += at - l.start
	}
	if g.typedBytes > freeTypedBytes+typedShare*at {
		return errTooTyped
	}
	return nil
}
