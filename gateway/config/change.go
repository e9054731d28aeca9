package config

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Change is a field in which two configurations differ.
type Change struct {
	// Path is the field's path, such as "logging.level", "upstreams.orders.target"
	// or "overrides[0].policy.timeout.duration". A list of values is one field;
	// a block that one of the two lacks, too.
	Path string
	// From and To are the values before and after, shortened, as a line of text;
	// "none" for what is not there. A secret is "[redacted]", a value that comes
	// from a variable of the environment "[variable]".
	From, To string
	// Content says that the field names the same file, which holds something else.
	Content bool
}

const (
	none         = "none"
	fromVariable = "[variable]"
)

// String returns a line such as "logging.level: LEVEL_INFO -> LEVEL_DEBUG",
// "auth.jwks_file: content changed" or "redis.password: changed".
func (c Change) String() string {
	switch {
	case c.Content:
		return c.Path + ": content changed"
	case c.From == c.To:
		return c.Path + ": changed"
	default:
		return c.Path + ": " + c.From + " -> " + c.To
	}
}

// Changed returns the fields in which two configurations of one program differ,
// the contents of the files that they name included, in alphabetical order of
// the fields. Upstreams differ in what is in force for them.
func Changed(a, b *Loaded) []Change {
	d := &differ{a: a, b: b}
	after := b.blocks()
	for i, before := range a.blocks() {
		d.message(before.path, before.path, before.message, after[i].message)
	}
	d.contents()
	slices.SortStableFunc(d.changes, func(a, b Change) int { return strings.Compare(fieldOf(a.Path), fieldOf(b.Path)) })
	return d.changes
}

// differ collects changes. Paths before and after differ where an entry of a list
// has moved.
type differ struct {
	a, b    *Loaded
	changes []Change
}

// contents compares secrets and what files hold.
func (d *differ) contents() {
	for _, path := range slices.Sorted(maps.Keys(d.b.secrets)) {
		if before, ok := d.a.secrets[path]; ok && before.Reveal() != d.b.secrets[path].Reveal() {
			d.changes = append(d.changes, Change{Path: path, From: redacted, To: redacted})
		}
	}
	for _, path := range slices.Sorted(maps.Keys(d.b.files)) {
		before, after := d.a.files[path], d.b.files[path]
		if before.Path == after.Path && before.Content.Reveal() != after.Content.Reveal() && !Within(path, "upstreams."+defaultUpstream) {
			d.changes = append(d.changes, Change{Path: path, Content: true})
		}
	}
}

func (d *differ) message(was, is string, a, b protoreflect.Message) {
	fields := a.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		name := string(fd.Name())
		if a.Has(fd) != b.Has(fd) || !a.Get(fd).Equal(b.Get(fd)) {
			d.field(child(was, name), child(is, name), fd, a, b)
		}
	}
}

// field reports a field that differs, or what in it does.
func (d *differ) field(was, is string, fd protoreflect.FieldDescriptor, a, b protoreflect.Message) {
	switch before, after := a.Get(fd), b.Get(fd); {
	case fd.IsMap():
		d.entries(was, is, fd, before.Map(), after.Map())
	case fd.IsList() && messageOf(fd) != nil:
		d.list(was, is, before.List(), after.List())
	case messageOf(fd) != nil && !fd.IsList() && a.Has(fd) && b.Has(fd):
		d.message(was, is, before.Message(), after.Message())
	default:
		d.changes = append(d.changes, Change{Path: is, From: renderField(d.a.origins, was, fd, a), To: renderField(d.b.origins, is, fd, b)})
	}
}

func (d *differ) entries(was, is string, fd protoreflect.FieldDescriptor, a, b protoreflect.Map) {
	names := append(keys(a), keys(b)...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		key := keyOf(name)
		switch {
		case isUpstreams(fd) && name == defaultUpstream: // it is in what it holds for
		case a.Has(key) && b.Has(key):
			d.message(child(was, name), child(is, name), a.Get(key).Message(), b.Get(key).Message())
		case a.Has(key):
			d.gone(child(was, name), a.Get(key).Message())
		default:
			d.come(child(is, name), b.Get(key).Message())
		}
	}
}

// list reports entries. Those before the first that differs and behind the last
// are alike; what lies between is compared one by one.
func (d *differ) list(was, is string, a, b protoreflect.List) {
	first, more, last := 0, a.Len(), b.Len()
	for first < min(more, last) && alike(a, first, b, first) {
		first++
	}
	for more > first && last > first && alike(a, more-1, b, last-1) {
		more, last = more-1, last-1
	}
	for i := first; i < max(more, last); i++ {
		switch {
		case i < min(more, last):
			d.message(item(was, i), item(is, i), a.Get(i).Message(), b.Get(i).Message())
		case i < more:
			d.gone(item(was, i), a.Get(i).Message())
		default:
			d.come(item(is, i), b.Get(i).Message())
		}
	}
}

func alike(a protoreflect.List, i int, b protoreflect.List, j int) bool {
	return proto.Equal(a.Get(i).Message().Interface(), b.Get(j).Message().Interface())
}

func (d *differ) gone(path string, m protoreflect.Message) {
	d.changes = append(d.changes, Change{Path: path, From: renderMessage(d.a.origins, path, m), To: none})
}

func (d *differ) come(path string, m protoreflect.Message) {
	d.changes = append(d.changes, Change{Path: path, From: none, To: renderMessage(d.b.origins, path, m)})
}
