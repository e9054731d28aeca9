package audit

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

// ownerAlone are the permissions of the file.
const ownerAlone = 0o600

// file is one that is only appended to. Its methods may hang with the disk: they are
// called in a turn.
type file struct {
	path string

	now     *os.File // nil: it could not be opened, or is closed
	torn    bool     // the last record may stand there in part
	regular bool     // it is on a disk

	closed atomic.Bool
}

var errClosed = errors.New("the audit log is closed")

// open opens the file by its path, in place of what is open.
func (f *file) open() error {
	if f.closed.Load() {
		return errClosed
	}
	if info, err := os.Stat(f.path); err == nil && info.Mode().Type()&(os.ModeNamedPipe|os.ModeSocket) != 0 {
		return fmt.Errorf("%s is no file", f.path) // opening it might never end
	}
	opened, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_RDWR, ownerAlone)
	if err != nil {
		return err
	}
	info, err := opened.Stat()
	if err != nil {
		return errors.Join(err, opened.Close())
	}
	f.close()
	f.now, f.regular = opened, info.Mode().IsRegular()
	f.torn = f.regular && !endsLine(opened, info.Size())
	return nil
}

// endsLine reports whether a file is empty or ends with a whole line. One that ended
// within a record is of a process that has died.
func endsLine(of *os.File, size int64) bool {
	var last [1]byte
	if size == 0 {
		return true
	}
	_, err := of.ReadAt(last[:], size-1)
	return err == nil && last[0] == '\n'
}

func (f *file) close() {
	if f.now != nil {
		_ = f.now.Close() // each record was synced
		f.now = nil
	}
}

// append writes whole lines and waits until they are on the disk.
func (f *file) append(lines []byte) error {
	if f.moved() {
		if err := f.open(); err != nil {
			return err
		}
	}
	if f.torn { // so that a part of a line spoils no other
		lines = append([]byte{'\n'}, lines...)
	}
	_, err := f.now.Write(lines)
	if err == nil && f.regular {
		err = f.now.Sync()
	}
	f.torn = err != nil
	return err
}

// moved reports whether what is open is not what the path names.
func (f *file) moved() bool {
	if f.now == nil {
		return true
	}
	open, err := f.now.Stat()
	named, err2 := os.Stat(f.path)
	return err != nil || err2 != nil || !os.SameFile(open, named)
}
