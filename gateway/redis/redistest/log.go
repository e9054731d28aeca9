//go:build unix

package redistest

import (
	"strings"
	"sync"
	"time"
)

// log keeps what a server wrote, and wakes those who wait for a line.
type log struct {
	mu     sync.Mutex
	lines  []string
	closed bool
	more   chan struct{} // closed with each change
}

func newLog() *log { return &log{more: make(chan struct{})} }

func (l *log) add(line string) {
	l.change(func() { l.lines = append(l.lines, line) })
}

func (l *log) close() {
	l.change(func() { l.closed = true })
}

func (l *log) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.more)
	l.more = make(chan struct{})
}

// wait reports whether a line with the text was or is written in time.
func (l *log) wait(text string, most time.Duration) bool {
	timeout := time.NewTimer(most)
	defer timeout.Stop()
	for {
		found, over, more := l.look(text)
		if found || over {
			return found
		}
		select {
		case <-more:
		case <-timeout.C:
			return false
		}
	}
}

func (l *log) look(text string) (found, over bool, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			return true, l.closed, l.more
		}
	}
	return false, l.closed, l.more
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}
