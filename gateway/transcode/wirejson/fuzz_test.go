package wirejson_test

import (
	"math/rand/v2"
	"testing"
)

// FuzzWire feeds bytes to every type: each must become protojson's JSON, or fail
// as protobuf-go does.
func FuzzWire(f *testing.F) {
	s := loadSchema(f)
	oracles := make([]*oracle, len(fuzzed))
	for i, typ := range fuzzed {
		oracles[i] = newOracle(f, s, typ)
		for seed := range uint64(4) {
			g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), schema: s}
			b := g.wire(f, oracles[i].typ.Descriptor(), 3)
			f.Add(uint8(i), b)
			f.Add(uint8(i), g.scramble(oracles[i].typ.Descriptor(), b))
		}
	}
	f.Fuzz(func(t *testing.T, typ uint8, b []byte) {
		oracles[int(typ)%len(oracles)].check(t, b)
	})
}
