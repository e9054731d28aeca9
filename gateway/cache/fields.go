package cache

import (
	"net/http"
	"slices"
	"strings"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// field is a stored header field, ready to be sent.
type field struct {
	name        string
	values      []string
	list        bool // added to what is set further out, where others replace it
	aboutBody   bool // left out where no body is sent (RFC 9110, section 15.4.5)
	storedBytes int64
}

// storedFields copies what of an answer's header belongs to the answer rather
// than to one connection, one request or one moment.
func storedFields(answer http.Header) []field {
	var list []field
	hop := strings.Join(answer["Connection"], ",")
	for name, values := range answer {
		if !rfc9111.IsStored(name) || rfc9111.NamesField(hop, name) {
			continue
		}
		own := make([]string, len(values))
		for i, value := range values {
			own[i] = strings.Clone(value)
		}
		list = append(list, newField(strings.Clone(name), own))
	}
	slices.SortFunc(list, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return list
}

// newField owns its values.
func newField(name string, values []string) field {
	f := field{
		name:      name,
		values:    slices.Clip(values), // no room that who appends could write into
		list:      rfc9111.IsList(name),
		aboutBody: rfc9111.IsAboutBody(name),
	}
	for _, value := range values {
		f.storedBytes += int64(len(value)) + stringBytes
	}
	return f
}

func (f *field) setIn(h http.Header) {
	rfc9111.SetField(h, f.name, f.values, f.list)
}
