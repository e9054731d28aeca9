package process

import (
	"bytes"
	"regexp"
	"sync"
)

// logBytes is how much of each output a process's log holds.
const logBytes = 32 << 10

// output watches standard output for the line that announces the process, and
// keeps the last of both outputs.
type output struct {
	pattern *regexp.Regexp
	ready   chan []string // of one match
	line    []byte        // the present one, until it ends
	found   bool

	text   tail
	errors tail
}

func newOutput(pattern *regexp.Regexp) *output {
	return &output{pattern: pattern, ready: make(chan []string, 1)}
}

// Write implements io.Writer for standard output, which one goroutine writes.
func (o *output) Write(b []byte) (int, error) {
	if !o.found {
		o.scan(b)
	}
	return o.text.Write(b)
}

func (o *output) scan(b []byte) {
	o.line = append(o.line, b...)
	for {
		line, rest, ended := bytes.Cut(o.line, []byte("\n"))
		if !ended {
			return
		}
		if groups := o.pattern.FindStringSubmatch(string(line)); groups != nil {
			o.found, o.line = true, nil
			o.ready <- groups[1:]
			return
		}
		o.line = rest
	}
}

func (o *output) log() string { return o.text.String() + o.errors.String() }

// tail keeps the end of what is written to it. It is safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - logBytes; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
