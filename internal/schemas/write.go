package schemas

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrDiffers marks an error about files that exist and hold something else.
var ErrDiffers = errors.New("exists and differs")

// Write writes files below dir, which it makes where it is missing, and returns
// the paths of those that it wrote: what is there already stays untouched.
//
// Unless force is set, a file that exists with another content is an error that
// wraps [ErrDiffers], and nothing is written. Each file is replaced at once: a
// reader sees the old content or the new one.
func Write(dir string, files []File, force bool) (written []string, err error) {
	missing, differing, err := compare(dir, files)
	if err != nil {
		return nil, err
	}
	if len(differing) > 0 && !force {
		return nil, fmt.Errorf("%w: %s; nothing was written", ErrDiffers, strings.Join(paths(dir, differing), ", "))
	}
	for _, f := range append(missing, differing...) {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := replace(path, f.Text); err != nil {
			return written, err
		}
		written = append(written, path)
	}
	return written, nil
}

// compare tells the files that are missing below dir from those that differ.
func compare(dir string, files []File) (missing, differing []File, err error) {
	for _, f := range files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
			return nil, nil, fmt.Errorf("%q leads out of %s", f.Path, dir)
		}
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.Path)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, f)
		case err != nil:
			return nil, nil, err
		case !bytes.Equal(text, f.Text):
			differing = append(differing, f)
		}
	}
	return missing, differing, nil
}

func paths(dir string, files []File) []string {
	list := make([]string, len(files))
	for i, f := range files {
		list[i] = filepath.Join(dir, filepath.FromSlash(f.Path))
	}
	return list
}

// replace writes beside path, then renames.
func replace(path string, text []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // sources are for all to read
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".venta-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(file.Name())))
		}
	}()
	_, err = file.Write(text)
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
