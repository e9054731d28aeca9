package oracle_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/venta-hq/venta/gateway/transcode/httprule"
	"github.com/venta-hq/venta/gateway/transcode/oracle/internal/opaquepb"
	"github.com/venta-hq/venta/gateway/transcode/oracle/internal/optionedpb"
	pb "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oraclepb"
)

// route is a google.api.http rule of the schemas.
type route struct {
	verb, body string
	template   *httprule.Template
	input      protoreflect.MessageDescriptor
}

// routes reads the rules of all unary RPCs.
func routes() []route {
	var found []route
	for _, file := range []protoreflect.FileDescriptor{
		pb.File_venta_oracle_v1_everything_proto, pb.File_venta_oracle_v1_classic_proto, pb.File_venta_oracle_v1_edition_proto,
		opaquepb.File_venta_oracle_v1_opaque_proto, optionedpb.File_venta_oracle_v1_optioned_proto,
	} {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				rule, _ := proto.GetExtension(methods.Get(j).Options(), annotations.E_Http).(*annotations.HttpRule)
				if rule == nil || methods.Get(j).IsStreamingServer() {
					continue
				}
				for _, one := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
					found = append(found, newRoute(one, methods.Get(j).Input()))
				}
			}
		}
	}
	return found
}

func newRoute(rule *annotations.HttpRule, input protoreflect.MessageDescriptor) route {
	message := rule.ProtoReflect()
	field := message.WhichOneof(message.Descriptor().Oneofs().ByName("pattern"))
	verb, path := strings.ToUpper(string(field.Name())), message.Get(field).String()
	if custom := rule.GetCustom(); custom != nil {
		verb, path = custom.GetKind(), custom.GetPath()
	}
	template, err := httprule.Parse(path)
	if err != nil {
		panic(err)
	}
	return route{verb, rule.GetBody(), template, input}
}

// dice makes requests at random.
type dice struct{ *rand.Rand }

func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

// once tells whether an event of one in n happens.
func (d dice) once(n int) bool { return d.IntN(n) == 0 }

func (d dice) request(r route) request {
	q := request{line: r.verb + " " + d.path(r), body: d.body(r)}
	if d.once(15) {
		q.line = pick(d, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") + strings.TrimPrefix(q.line, r.verb)
	}
	if query := d.query(r.input); query != "" && d.once(2) {
		q.line += "?" + query
	}
	if d.once(6) {
		q.header = pick(d, "Grpc-Timeout: 1S", "Accept: text/html", "Content-Type: application/json", "Content-Type: text/plain", "TE: trailers", "Authorization: x", "X-Forwarded-For: 10.0.0.1")
	}
	if d.once(12) {
		q.header, q.body = form_, d.query(r.input)
		if d.once(2) {
			q.header += "\nX-HTTP-Method-Override: " + pick(d, "GET", "PUT", "PATCH", "DELETE", r.verb)
		}
		q.line = "POST" + strings.TrimPrefix(q.line, r.verb)
	}
	return q
}

func (d dice) path(r route) string {
	var segments []string
	fields := map[int]protoreflect.FieldDescriptor{} // of variables with one segment
	for _, v := range r.template.Variables() {
		if v.End == v.Start+1 {
			fields[v.Start] = fieldAt(r.input, v.FieldPath)
		}
	}
	for i, s := range r.template.Segments() {
		switch s.Kind {
		case httprule.Literal:
			segments = append(segments, s.Literal)
		case httprule.Wildcard:
			segments = append(segments, url.PathEscape(d.text(fields[i])))
		default:
			for range d.IntN(4) {
				segments = append(segments, url.PathEscape(d.text(nil)))
			}
		}
	}
	if d.once(20) {
		at := d.IntN(len(segments) + 1)
		segments = append(segments[:at:at], append([]string{pick(d, "", "x", "%2F", "a:b", "v1")}, segments[at:]...)...)
	}
	path := "/" + strings.Join(segments, "/")
	if verb := r.template.Verb(); verb != "" && !d.once(20) {
		path += pick(d, ":", ":", ":", ":", "%3A", "::") + verb
	}
	return path
}

func fieldAt(md protoreflect.MessageDescriptor, path string) protoreflect.FieldDescriptor {
	var field protoreflect.FieldDescriptor
	for name := range strings.SplitSeq(path, ".") {
		field = md.Fields().ByName(protoreflect.Name(name))
		md = field.Message()
	}
	return field
}

// text is a value of a field, or something else.
func (d dice) text(fd protoreflect.FieldDescriptor) string {
	if fd == nil || d.once(8) {
		return pick(d, "a", "b c", "a/b", "é", "%", "a:b", ",", "x,y", "1", "-1", "true", "null", "{}", "+", "a%2Fb", "..", ".", "~", "\t", "::", "stat", "books", "leaf", "tail")
	}
	if fd.IsList() {
		texts := make([]string, 1+d.IntN(3))
		for i := range texts {
			texts[i] = d.scalar(fd)
		}
		return strings.Join(texts, pick(d, ",", ",", ",", "|"))
	}
	return d.scalar(fd)
}

func (d dice) scalar(fd protoreflect.FieldDescriptor) string {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return pick(d, "true", "false", "1", "T", "no")
	case protoreflect.EnumKind:
		values := fd.Enum().Values()
		value := values.Get(d.IntN(values.Len()))
		return pick(d, string(value.Name()), strconv.Itoa(int(value.Number())), "12", strings.ToLower(string(value.Name())))
	case protoreflect.StringKind:
		return pick(d, "", "a", "b c", "x,y", "é", "a/b")
	case protoreflect.BytesKind:
		return pick(d, "", "aGk=", "aGk", "_-8", "a")
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return pick(d, "2026-10-01T12:00:00Z", "1.5s", "1h", "7", "a", "true", "a,b", "{}", `{"a":1}`, "null", "aGk=", "")
	default:
		return pick(d, "0", "1", "-1", "127", "2147483648", "9223372036854775808", "1.5", "1e3", "NaN", "0x10", "")
	}
}

func (d dice) query(md protoreflect.MessageDescriptor) string {
	var parameters []string
	for range d.IntN(4) {
		name, fd := d.name(md, 3)
		parameters = append(parameters, url.QueryEscape(name)+"="+url.QueryEscape(d.text(fd)))
	}
	return strings.Join(parameters, pick(d, "&", "&", "&", "&", ";"))
}

// name is the name of a field, with its way through messages.
func (d dice) name(md protoreflect.MessageDescriptor, depth int) (string, protoreflect.FieldDescriptor) {
	if md.Fields().Len() == 0 || d.once(25) {
		return pick(d, "nosuch", "", ".", "a.b", "a[b]"), nil
	}
	fd := md.Fields().Get(d.IntN(md.Fields().Len()))
	name := pick(d, string(fd.Name()), fd.JSONName())
	switch {
	case fd.IsMap():
		return fmt.Sprintf("%s[%s]", name, d.text(fd.MapKey())), fd.MapValue()
	case fd.Message() != nil && depth > 0 && !d.once(3):
		rest, last := d.name(fd.Message(), depth-1)
		return name + "." + rest, last
	default:
		return name, fd
	}
}

// body is the JSON of a message or of a field, mostly.
func (d dice) body(r route) string {
	if r.body == "" {
		return pick(d, "", "", "", "{}", "junk")
	}
	text := d.json(r)
	switch d.IntN(20) {
	case 0:
		return text[:d.IntN(len(text)+1)]
	case 1:
		return text + text
	case 2:
		return strings.Replace(text, `"`, pick(d, `""`, "", `"x`), 1)
	case 3:
		return pick(d, "", " ", "null", "[]", "1", `"a"`)
	default:
		return text
	}
}

func (d dice) json(r route) string {
	md := r.input
	if r.body != "*" {
		fd := fieldAt(r.input, r.body)
		md = fd.Message()
		if fd.IsList() || fd.IsMap() || md == nil {
			return pick(d, "[]", `["a","b"]`, `[1,2]`, `{"a":"b"}`, `{"1":{}}`, strconv.Quote(d.scalar(scalarOf(fd))), d.scalar(scalarOf(fd)))
		}
	}
	options := protojson.MarshalOptions{UseProtoNames: d.once(2), EmitUnpopulated: d.once(4), UseEnumNumbers: d.once(3)}
	encoded, err := options.Marshal(d.message(md, 3).Interface())
	if err != nil {
		return "{}" // not every value has a JSON
	}
	return string(encoded)
}

func scalarOf(fd protoreflect.FieldDescriptor) protoreflect.FieldDescriptor {
	if fd.IsMap() {
		return fd.MapValue()
	}
	return fd
}

func (d dice) message(md protoreflect.MessageDescriptor, depth int) protoreflect.Message {
	mt, err := protoregistry.GlobalTypes.FindMessageByName(md.FullName())
	if err != nil {
		panic(err)
	}
	m := mt.New()
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if d.once(4) && (fd.Message() == nil || depth > 0) && fd.Name() != "a_status" {
			d.set(m, fd, depth)
		}
	}
	return m
}

func (d dice) set(m protoreflect.Message, fd protoreflect.FieldDescriptor, depth int) {
	switch {
	case fd.IsList():
		for range d.IntN(3) {
			m.Mutable(fd).List().Append(d.value(fd, depth))
		}
	case fd.IsMap():
		for range d.IntN(3) {
			m.Mutable(fd).Map().Set(d.value(fd.MapKey(), depth).MapKey(), d.value(fd.MapValue(), depth))
		}
	default:
		m.Set(fd, d.value(fd, depth))
	}
}

func (d dice) value(fd protoreflect.FieldDescriptor, depth int) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(d.once(2))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(fd.Enum().Values().Get(d.IntN(fd.Enum().Values().Len())).Number())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(pick(d, "", "a", "é\"\\", "b c"))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(pick(d, "", "hi", "\xff\x00")))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(d.Int32() - 1<<30)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(d.Int64() - 1<<62)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(d.Uint32())
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(d.Uint64())
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(d.NormFloat64()))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(d.NormFloat64())
	default:
		return protoreflect.ValueOfMessage(d.message(fd.Message(), depth-1))
	}
}
