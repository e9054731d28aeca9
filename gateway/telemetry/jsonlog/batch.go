package jsonlog

import (
	"io"
	"sync"
	"time"
)

// batch collects lines. It has no goroutine of its own: a timer runs while lines
// wait, and only then.
type batch struct {
	delay time.Duration
	most  int

	mu     sync.Mutex // held while out is written to, which keeps the lines in order
	out    io.Writer
	lines  []byte // what waits
	timer  *time.Timer
	closed bool
	err    error // the first of out's
}

func newBatch(out io.Writer, o Options) *batch {
	b := &batch{out: out, delay: o.Delay, most: o.MaxBytes, lines: make([]byte, 0, o.MaxBytes)}
	b.timer = time.AfterFunc(b.delay, func() { _ = b.flush() }) // close tells of the error
	b.timer.Stop()
	return b
}

// Write implements io.Writer for a line that ends with its newline.
func (b *batch) Write(line []byte) (int, error) {
	if err := b.add(line, false, false); err != nil {
		return 0, err
	}
	return len(line), nil
}

// add takes a line, and writes it at once where it cannot wait.
func (b *batch) add(line []byte, end, now bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	if len(b.lines)+len(line)+1 > b.most {
		err = b.write()
	}
	if len(b.lines) == 0 && !now && !b.closed {
		b.timer.Reset(b.delay)
	}
	b.lines = append(b.lines, line...)
	if end {
		b.lines = append(b.lines, '\n')
	}
	if now || b.closed || len(b.lines) >= b.most {
		if failed := b.write(); err == nil {
			err = failed
		}
	}
	return err
}

// flush writes what waits.
func (b *batch) flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.write()
}

// write hands what waits to the writer; mu is held. A line longer than the bound
// gets room of its own, which is not kept.
func (b *batch) write() error {
	if len(b.lines) == 0 {
		return nil
	}
	b.timer.Stop()
	n, err := b.out.Write(b.lines)
	if err == nil && n < len(b.lines) {
		err = io.ErrShortWrite
	}
	if b.err == nil {
		b.err = err
	}
	if cap(b.lines) > b.most {
		b.lines = make([]byte, 0, b.most)
	}
	b.lines = b.lines[:0]
	return err
}

func (b *batch) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	_ = b.write() // b.err has it
	return b.err
}
