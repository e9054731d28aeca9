package wirejson_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// fuzzed are the types that the random tests and the fuzzer cover.
var fuzzed = []protoreflect.FullName{
	"Implicit", "Optional", "Lists", "Maps", "Tree", "Shuffled", "WellKnown",
	"Legacy", "Needy", "Modern", "Strict", "None",
	"google.protobuf.Any", "google.protobuf.Struct", "google.protobuf.Value",
	"google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask",
	// Linked types, which protobuf-go decodes in another way than dynamic ones.
	"google.protobuf.DescriptorProto", "google.api.MetricDescriptor", "google.api.Distribution",
}

// TestAppendRandom compares random messages, as a serializer writes them and
// then with their records shuffled, split, doubled, repacked and corrupted.
func TestAppendRandom(t *testing.T) {
	const rounds = 100
	s := loadSchema(t)
	for _, typ := range fuzzed {
		t.Run(string(typ), func(t *testing.T) {
			o := newOracle(t, s, typ)
			valid := 0
			for seed := range uint64(rounds) {
				g := &generator{Rand: rand.New(rand.NewPCG(seed, 0)), schema: s}
				b := g.wire(t, o.typ.Descriptor(), 3)
				if _, err := o.check(t, b); err == nil {
					valid++
				}
				b = g.scramble(o.typ.Descriptor(), b)
				o.check(t, b)
				if len(b) > 0 {
					b[g.IntN(len(b))] ^= 1 << g.IntN(8)
					o.check(t, b)
				}
			}
			if valid < rounds/4 {
				t.Errorf("only %d of %d messages have a JSON form", valid, rounds)
			}
		})
	}
}

// generator makes messages and their wire bytes.
type generator struct {
	*rand.Rand
	schema schema
}

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) wire(t testing.TB, md protoreflect.MessageDescriptor, depth int) []byte {
	typ, err := g.schema.FindMessageByName(md.FullName())
	if err != nil {
		t.Fatal(err)
	}
	msg := typ.New()
	g.fill(t, msg, depth)
	b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(msg.Interface())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (g *generator) fill(t testing.TB, m protoreflect.Message, depth int) {
	switch m.Descriptor().FullName() {
	case "google.protobuf.Timestamp":
		g.setTime(m, g.Int64N(1<<33), int64(g.nanos()))
		return
	case "google.protobuf.Duration":
		sign := int64(1 - 2*g.IntN(2))
		g.setTime(m, sign*g.Int64N(1e5), sign*int64(g.nanos()))
		return
	case "google.protobuf.FieldMask":
		g.fillMask(m)
		return
	case "google.protobuf.Any":
		g.fillAny(t, m, depth)
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if fd := fields.Get(i); fd.Cardinality() == protoreflect.Required || g.chance(40) {
			g.fillField(t, m, fd, depth)
		}
	}
	if m.Descriptor().FullName() == "google.protobuf.Value" && m.WhichOneof(m.Descriptor().Oneofs().Get(0)) == nil {
		m.Set(fields.Get(2), protoreflect.ValueOfString("v"))
	}
	for _, num := range []protowire.Number{100, 101, 102, 103, 104, 105, 110, 500, 501, 1000} {
		if x, err := g.schema.FindExtensionByNumber(m.Descriptor().FullName(), num); err == nil && g.chance(8) {
			g.fillField(t, m, x.TypeDescriptor(), depth)
		}
	}
}

func (g *generator) nanos() int32 {
	return []int32{0, 1, 1000, 1e6, 5e8, 123456789, 999999999}[g.IntN(7)]
}

func (g *generator) setTime(m protoreflect.Message, seconds, nanos int64) {
	m.Set(m.Descriptor().Fields().Get(0), protoreflect.ValueOfInt64(seconds))
	m.Set(m.Descriptor().Fields().Get(1), protoreflect.ValueOfInt32(int32(nanos)))
}

func (g *generator) fillMask(m protoreflect.Message) {
	paths := m.Mutable(m.Descriptor().Fields().Get(0)).List()
	for range g.IntN(4) {
		paths.Append(protoreflect.ValueOfString([]string{"a", "b.c_d", "e_f.g1", "_x"}[g.IntN(4)]))
	}
}

func (g *generator) fillAny(t testing.TB, m protoreflect.Message, depth int) {
	if depth <= 0 {
		return
	}
	md := g.schema.message(t, []protoreflect.FullName{"Tree", "Legacy", "google.protobuf.Duration", "google.protobuf.Any"}[g.IntN(4)])
	m.Set(m.Descriptor().Fields().Get(0), protoreflect.ValueOfString("example.com/"+string(md.FullName())))
	m.Set(m.Descriptor().Fields().Get(1), protoreflect.ValueOfBytes(g.wire(t, md, depth-2)))
}

func (g *generator) fillField(t testing.TB, m protoreflect.Message, fd protoreflect.FieldDescriptor, depth int) {
	if fd.Message() != nil && !fd.IsMap() && depth <= 0 && fd.Cardinality() != protoreflect.Required {
		return
	}
	switch {
	case fd.IsMap():
		for range g.IntN(4) {
			if fd.MapValue().Message() == nil || depth > 0 {
				v := m.Mutable(fd).Map().NewValue()
				v = g.value(t, v, fd.MapValue(), depth)
				m.Mutable(fd).Map().Set(g.value(t, protoreflect.Value{}, fd.MapKey(), 0).MapKey(), v)
			}
		}
	case fd.IsList():
		list := m.Mutable(fd).List()
		for range g.IntN(4) {
			list.Append(g.value(t, list.NewElement(), fd, depth))
		}
	default:
		m.Set(fd, g.value(t, m.NewField(fd), fd, depth))
	}
}

// value makes a value; of a message it fills the empty one given.
func (g *generator) value(t testing.TB, empty protoreflect.Value, fd protoreflect.FieldDescriptor, depth int) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(g.chance(50))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum([]protoreflect.EnumNumber{0, 1, 5, 6, 9, -7, 100000}[g.IntN(7)])
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(g.bits()))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(g.bits()))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(g.bits()))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(g.bits())
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(g.float()))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(g.float())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(g.text())
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(g.text()))
	default:
		g.fill(t, empty.Message(), depth-1)
		return empty
	}
}

// bits makes numbers of every magnitude.
func (g *generator) bits() uint64 {
	bits := g.Uint64() >> g.IntN(64)
	if g.chance(30) {
		return -bits
	}
	return bits - uint64(g.IntN(2))
}

func (g *generator) float() float64 {
	if g.chance(30) {
		return []float64{0, math.Copysign(0, -1), 1e-6, 1e21, 0.1, 1e-7, math.MaxFloat32}[g.IntN(7)]
	}
	return g.NormFloat64() * math.Pow(10, float64(g.IntN(60)-30))
}

func (g *generator) text() string {
	runes := []rune("ab\"\\\n\x01 <é\u2028😀\x7f/")
	text := make([]rune, g.IntN(20))
	for i := range text {
		text[i] = runes[g.IntN(len(runes))]
		if g.chance(60) {
			text[i] = 'x'
		}
	}
	return string(text)
}

// scramble rewrites valid bytes of a message of type md as another serializer,
// or two of them one after the other, might have written them.
func (g *generator) scramble(md protoreflect.MessageDescriptor, b []byte) []byte {
	var records [][]byte
	for len(b) > 0 {
		_, _, n := protowire.ConsumeField(b)
		records = append(records, g.variants(md, b[:n:n])...)
		b = b[n:]
	}
	if g.chance(30) {
		records = append(records, varint(77777, 5), group(77778, text(1, "x")))
	}
	if g.chance(70) {
		g.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	}
	return wire(records...)
}

// variants turns one record into others that mean the same, or nearly so.
func (g *generator) variants(md protoreflect.MessageDescriptor, record []byte) [][]byte {
	num, typ, n := protowire.ConsumeTag(record)
	fd := md.Fields().ByNumber(num)
	switch {
	case fd == nil || g.chance(50):
		return [][]byte{record}
	case g.chance(20):
		return [][]byte{record, record}
	case g.chance(5):
		return [][]byte{record, text(num, "\x08\x01")}
	case fd.Message() != nil && typ == protowire.BytesType:
		content, _ := protowire.ConsumeBytes(record[n:])
		return g.pieces(fd, content, chunk)
	case fd.Kind() == protoreflect.GroupKind:
		content, _ := protowire.ConsumeGroup(num, record[n:])
		return g.pieces(fd, content, group)
	case fd.IsList() && typ == protowire.VarintType:
		return [][]byte{chunk(num, record[n:]), chunk(num)}
	default:
		return [][]byte{record}
	}
}

// pieces scrambles a message and now and then cuts it in two.
func (g *generator) pieces(fd protoreflect.FieldDescriptor, content []byte, wrap func(protowire.Number, ...[]byte) []byte) [][]byte {
	content = g.scramble(fd.Message(), content)
	if g.chance(60) {
		return [][]byte{wrap(fd.Number(), content)}
	}
	cut := 0
	for cut < len(content) && g.chance(50) {
		_, _, n := protowire.ConsumeField(content[cut:])
		cut += n
	}
	return [][]byte{wrap(fd.Number(), content[:cut]), wrap(fd.Number(), content[cut:])}
}
