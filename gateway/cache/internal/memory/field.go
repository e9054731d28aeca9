package memory

import (
	"net/http"
	"slices"
	"strings"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// Field is a stored header field, ready to be sent. It is immutable.
type Field struct {
	Name      string
	Values    []string
	List      bool // added to what is set further out, where others replace it
	AboutBody bool // left out where no body is sent (RFC 9110, section 15.4.5)
	weight    int64
}

// StoredFields copies what of a response's header belongs to the response rather
// than to one connection, one request or one moment.
func StoredFields(response http.Header) []Field {
	var list []Field
	hop := strings.Join(response["Connection"], ",")
	for name, values := range response {
		if !rfc9111.IsStored(name) || rfc9111.NamesField(hop, name) {
			continue
		}
		own := make([]string, len(values))
		for i, value := range values {
			own[i] = strings.Clone(value)
		}
		list = append(list, NewField(strings.Clone(name), own))
	}
	slices.SortFunc(list, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// NewField returns a field that owns its values. name is in canonical form.
func NewField(name string, values []string) Field {
	f := Field{
		Name:      name,
		Values:    slices.Clip(values), // no room that who appends could write into
		List:      rfc9111.IsList(name),
		AboutBody: rfc9111.IsAboutBody(name),
	}
	for _, value := range values {
		f.weight += int64(len(value)) + stringBytes
	}
	return f
}

// SetIn sets the field in the header of a response to a client.
func (f *Field) SetIn(h http.Header) {
	rfc9111.SetField(h, f.Name, f.Values, f.List)
}
