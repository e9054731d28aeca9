package oracle_test

import (
	"math/rand/v2"
	"testing"
)

// randomPairs are the handlers that random requests go to: two forms suffice,
// as the table holds that the four are the same.
func randomPairs(t testing.TB) []pair {
	up := start(t)
	return []pair{forms()[0].serve(t, up), forms()[3].serve(t, up)}
}

func compareRandom(t *testing.T, pairs []pair, all []route, seed uint64) {
	d := dice{rand.New(rand.NewPCG(seed, 1))}
	q := d.request(all[d.IntN(len(all))])
	pairs[d.IntN(len(pairs))].compare(t, q.http)
	if t.Failed() {
		t.Fatalf("seed %d: %s\n%s\n%s", seed, q.line, q.header, q.body)
	}
}

// TestRandom compares responses to requests that nobody thought of.
func TestRandom(t *testing.T) {
	pairs, all := randomPairs(t), routes()
	for seed := range uint64(4000) {
		compareRandom(t, pairs, all, seed)
	}
}

// FuzzRandom goes on where TestRandom ends.
func FuzzRandom(f *testing.F) {
	pairs, all := randomPairs(f), routes()
	f.Add(uint64(1 << 40))
	f.Fuzz(func(t *testing.T, seed uint64) { compareRandom(t, pairs, all, seed) })
}
