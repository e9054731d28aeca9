package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// files tells that something happened around a file. Folders are watched, not
// the file: it may be replaced by a rename, or be a link (or lie behind one, as
// the ..data of a Kubernetes volume) that comes to lead elsewhere.
type files struct {
	events <-chan fsnotify.Event
	errors <-chan error
	follow func() error // watches the folders where the file lies now
	close  func() error
}

// watchFiles watches around path; without one, nothing ever happens. close ends
// the goroutine that it starts.
func watchFiles(path string) (files, error) {
	nothing := func() error { return nil }
	if path == "" {
		return files{follow: nothing, close: nothing}, nil
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return files{follow: nothing, close: nothing}, err
	}
	follow := func() error { return follow(watcher, path) }
	return files{events: watcher.Events, errors: watcher.Errors, follow: follow, close: watcher.Close}, follow()
}

// follow watches the folder of the path and that of the file that it leads to.
func follow(watcher *fsnotify.Watcher, path string) error {
	folders := []string{filepath.Dir(path)}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		folders = append(folders, filepath.Dir(real))
	}
	var errs []error
	for _, old := range watcher.WatchList() {
		if !slices.Contains(folders, old) {
			_ = watcher.Remove(old) // it may be gone already
		}
	}
	for _, folder := range folders {
		if err := watcher.Add(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
