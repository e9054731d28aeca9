package audittest

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"unsafe"
)

// Hanging returns a file that takes some records, and then hangs in each write until
// release is called: a terminal that nobody reads.
func Hanging(t testing.TB) (path string, release func() (text *Text)) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	unlocked, number := int32(0), int32(0)
	control(t, screen, syscall.TIOCSPTLCK, &unlocked)
	control(t, screen, syscall.TIOCGPTN, &number)
	path = fmt.Sprintf("/dev/pts/%d", number)
	open, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0) // so that it stays while nobody else has it
	if err != nil {
		t.Fatal(err)
	}
	text := &Text{}
	var reading sync.WaitGroup
	t.Cleanup(func() {
		_, _ = open.Close(), screen.Close()
		reading.Wait()
	})
	release = sync.OnceValue(func() *Text {
		reading.Go(func() { text.readAll(screen) })
		return text
	})
	return path, release
}

func control(t testing.TB, of *os.File, request uintptr, value *int32) {
	t.Helper()
	conn, err := of.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed syscall.Errno
	if err := conn.Control(func(fd uintptr) {
		_, _, failed = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(value))) //nolint:gosec // as the call takes it
	}); err != nil || failed != 0 {
		t.Fatalf("%v %v", err, failed)
	}
}

// Text is what was written.
type Text struct {
	mu   sync.Mutex
	read []byte
}

// String returns what was written until now.
func (t *Text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.read)
}

func (t *Text) readAll(from *os.File) {
	part := make([]byte, 4096)
	for {
		n, err := from.Read(part)
		t.mu.Lock()
		t.read = append(t.read, part[:n]...)
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}
