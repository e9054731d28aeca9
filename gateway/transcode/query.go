package transcode

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/transcode/httprule"
)

// queryBinder binds query parameters, and form fields on the routes that a form
// may reach.
type queryBinder struct {
	message   protoreflect.MessageDescriptor
	elsewhere *utilities.DoubleArray // what path and body bind
	whole     bool                   // the body is the message
	none      bool                   // path and body bind every field
	strict    bool                   // parameters that name no field are refused
	dropIn    bool
	read      []string // parameters that somebody else reads
}

func newQueryBinder(md protoreflect.MessageDescriptor, t *httprule.Template, body string, o RouteOptions) queryBinder {
	b := queryBinder{message: md, whole: body == "*", none: body == "*", strict: !o.DropIn && !o.IgnoreUnknownQuery, dropIn: o.DropIn, read: o.ReadElsewhere}
	if b.whole {
		return b
	}
	var bound []string
	if body != "" {
		bound = append(bound, body)
	}
	for _, v := range t.Variables() {
		bound = append(bound, v.FieldPath)
	}
	b.none = true
	for i := range md.Fields().Len() {
		b.none = b.none && slices.Contains(bound, string(md.Fields().Get(i).Name()))
	}
	paths := make([][]string, len(bound))
	for i, path := range bound {
		paths[i] = strings.Split(path, ".")
	}
	b.elsewhere = utilities.NewDoubleArray(paths)
	return b
}

func (b queryBinder) bind(r *http.Request, m proto.Message) error {
	if b.none && !b.strict {
		return nil
	}
	values, err := b.values(r)
	if err != nil || len(values) == 0 {
		return err
	}
	if err := b.check(values); err != nil {
		return err
	}
	return runtime.PopulateQueryParameters(m, values, b.elsewhere)
}

// values returns the parameters, and the fields of a form that no body binding
// has read.
func (b queryBinder) values(r *http.Request) (url.Values, error) {
	switch {
	case b.whole:
		return url.ParseQuery(r.URL.RawQuery)
	case r.Form != nil: // a mux has looked for a form
		return r.Form, nil
	case r.URL.RawQuery == "" && !mayBeForm(r):
		return nil, nil
	}
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	return r.Form, nil
}

// mayBeForm tells whether http.Request.ParseForm would look at the body.
func mayBeForm(r *http.Request) bool {
	return r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch
}

func (b queryBinder) check(values url.Values) error {
	for name, list := range values {
		if strings.Count(name, ".") >= maxDepth {
			return errTooDeep
		}
		if !b.dropIn && (invalid(name) || slices.ContainsFunc(list, invalid)) {
			return fmt.Errorf("query parameter %q: %w", name, errNotUTF8)
		}
	}
	if b.strict {
		return b.checkNames(values)
	}
	return nil
}

func invalid(text string) bool { return !utf8.ValidString(text) }

// checkNames refuses parameters that name no field, or one that the path or the
// body binds: either would be lost in silence. Google's system parameters are, where
// no field has the name.
func (b queryBinder) checkNames(values url.Values) error {
	for name := range values {
		path, ok := b.resolve(name)
		if !ok && (systemParameters[name] || slices.Contains(b.read, name)) {
			continue
		}
		if !ok || b.none || b.elsewhere.HasCommonPrefix(path) {
			return fmt.Errorf("%q is not a query parameter of this route", name)
		}
	}
	return nil
}

// mapKey is a parameter that sets an entry of a map, such as "labels[a]".
var mapKey = regexp.MustCompile(`^(.*)\[.*\]$`)

// resolve follows a parameter's name, written with either names of the fields,
// and returns it as a path of proto names.
func (b queryBinder) resolve(name string) ([]string, bool) {
	if match := mapKey.FindStringSubmatch(name); match != nil {
		name = match[1]
	}
	md := b.message
	var path []string
	for part := range strings.SplitSeq(name, ".") {
		if md == nil {
			return nil, false
		}
		field := md.Fields().ByName(protoreflect.Name(part))
		if field == nil {
			field = md.Fields().ByJSONName(part)
		}
		if field == nil {
			return nil, false
		}
		path = append(path, string(field.Name()))
		md = field.Message()
	}
	return path, true
}
