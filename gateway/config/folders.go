package config

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// mostLinks bounds how many links are followed from one path to its file.
const mostLinks = 16

// folders tells that something happened around files. Their folders are watched,
// not they: a file may be replaced by a rename, or be a link (or lie behind one,
// as the ..data of a Kubernetes volume) that comes to lead elsewhere.
type folders struct {
	events <-chan fsnotify.Event
	errors <-chan error
	follow func(paths []string) error // watches the folders where the files lie now
	close  func() error
}

// watchFolders watches what follow is told. close ends the goroutine that it
// starts.
func watchFolders() (folders, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return folders{follow: func([]string) error { return nil }, close: func() error { return nil }}, err
	}
	return folders{
		events: watcher.Events, errors: watcher.Errors, close: watcher.Close,
		follow: func(paths []string) error { return follow(watcher, paths) },
	}, nil
}

// follow watches the folders of the paths and those of the files that they lead
// to, and no others.
func follow(watcher *fsnotify.Watcher, paths []string) error {
	wanted := map[string]bool{}
	for _, path := range paths {
		for _, folder := range foldersOf(path) {
			wanted[folder] = true
		}
	}
	for _, old := range watcher.WatchList() {
		if !wanted[old] {
			_ = watcher.Remove(old) // it may be gone already
		}
	}
	var errs []error
	for _, folder := range slices.Sorted(maps.Keys(wanted)) {
		if err := watcher.Add(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// foldersOf returns the folders in which something happens when a path comes to
// hold something else: that of every link on the way, and that of the file.
func foldersOf(path string) []string {
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	var found []string
	for range mostLinks {
		link, to := firstLink(path)
		if link == "" {
			break
		}
		found = append(found, filepath.Dir(link))
		path = to
	}
	return append(found, existing(filepath.Dir(path)))
}

// firstLink returns the first part of a path that is a link, and the path that it
// leads to; nothing for a path without links.
func firstLink(path string) (link, to string) {
	for i, c := range path + "/" {
		if c != filepath.Separator || i == 0 {
			continue
		}
		part, rest := path[:i], path[i:]
		target, err := os.Readlink(part)
		if err != nil {
			continue // no link, or nothing
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(part), target)
		}
		return part, filepath.Join(target, rest)
	}
	return "", ""
}

// existing is a folder, or the closest one above it that there is: what is made
// there may be what is missing.
func existing(folder string) string {
	for {
		if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(folder) == folder {
			return folder
		}
		folder = filepath.Dir(folder)
	}
}
