package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// mostFileBytes bounds each file that is read: the configuration, and those that
// it names.
const mostFileBytes = 1 << 20

// mostFiles bounds how many files a configuration names.
const mostFiles = 512

// File is a file that a field of the configuration names, as it was read.
type File struct {
	// Path is the value of the field.
	Path string
	// Content is what the file held. It is empty where files were not read.
	Content Secret
}

// isFile reports whether a field names a file.
func isFile(fd protoreflect.FieldDescriptor) bool {
	return strings.HasSuffix(string(fd.Name()), "_file")
}

// eachFile calls visit with every field of a message that names a file.
func eachFile(b block, visit func(field string, fd protoreflect.FieldDescriptor, path string)) {
	fields := b.message.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !b.message.Has(fd) {
			continue
		}
		at, value := child(b.path, string(fd.Name())), b.message.Get(fd)
		switch {
		case !isFile(fd):
			inner(at, fd, value, func(path string, m protoreflect.Message) { eachFile(block{path, m}, visit) })
		case fd.IsList():
			for j := range value.List().Len() {
				visit(item(at, j), fd, value.List().Get(j).String())
			}
		default:
			visit(at, fd, value.String())
		}
	}
}

// reads are the files that were read, by path: each is read once, so that all
// fields that name it see the same.
type reads map[string]contents

type contents struct {
	text string
	err  error
}

func (r reads) read(path string) (string, error) {
	found, ok := r[path]
	switch {
	case !ok && len(r) == mostFiles:
		return "", fmt.Errorf("more than %d files are named", mostFiles)
	case !ok:
		found.text, found.err = readNamed(path)
		r[path] = found
	}
	return found.text, found.err
}

// readNamed reads a file that the configuration names. The error does not hold
// the path: who mistakes the field writes the secret there.
func readNamed(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", withoutPath(err)
	}
	if mode := info.Mode(); !mode.IsRegular() && !mode.IsDir() {
		return "", errors.New("it is no regular file") // reading it might never end
	}
	text, err := readBounded(path)
	switch {
	case err != nil:
		return "", withoutPath(err)
	case withoutNewline(text) == "":
		return "", errors.New("the file is empty")
	}
	return text, nil
}

// readBounded reads a file of at most mostFileBytes.
func readBounded(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, mostFileBytes+1))
	if err == nil && len(text) > mostFileBytes {
		err = fmt.Errorf("the file has more than %d bytes", mostFileBytes)
	}
	return string(text), err
}

// readFile reads the configuration itself; without a path it is empty.
func readFile(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := readBounded(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, withoutPath(err))
	}
	return text, nil
}

func withoutPath(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

func withoutNewline(text string) string {
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
}

// readFiles reports every file that is named and cannot be read.
func (d *decoder) readFiles(l *Loaded, files reads) {
	for _, b := range l.blocks() {
		eachFile(b, func(field string, fd protoreflect.FieldDescriptor, path string) {
			if _, err := files.read(path); err != nil {
				d.wrong(field, "cannot be read: "+err.Error()+d.shownPath(field, fd, path))
			}
		})
	}
}

var pathLike = regexp.MustCompile(`^[.]{0,2}/[A-Za-z0-9_./-]*$`)

// shownPath returns what a fault adds to show a path, and nothing for what may
// not be one: who mistakes the field writes the secret there.
func (d *decoder) shownPath(field string, fd protoreflect.FieldDescriptor, path string) string {
	beside := fd.ContainingMessage().Fields().ByName(protoreflect.Name(strings.TrimSuffix(string(fd.Name()), "_file")))
	if d.origins.of(field).variable || beside != nil && isSecret(beside) || !pathLike.MatchString(path) {
		return ""
	}
	return " (" + shortened(path) + ")"
}

// keepFiles keeps what the files held, by the fields that name them.
func (l *Loaded) keepFiles(files reads) {
	for _, b := range l.blocks() {
		eachFile(b, func(field string, _ protoreflect.FieldDescriptor, path string) {
			text, _ := files.read(path) // an error was reported
			l.files[field] = File{Path: path, Content: newSecret(text)}
		})
	}
}
