package store

import (
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"
)

func box(south, west, north, east float64) Box {
	return Box{SouthWest: Position{Lat: south, Lng: west}, NorthEast: Position{Lat: north, Lng: east}}
}

func namesIn(t testing.TB, s *Store, b Box) string {
	t.Helper()
	located, err := s.VendorsIn(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range located {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func putAt(t testing.TB, s *Store, name string, p Position) {
	t.Helper()
	v := newVendor(t, s, "user-1", name)
	if err := s.MoveVendor(t.Context(), "user-1", v.ID, p); err != nil {
		t.Fatal(err)
	}
}

func TestVendorsIn(t *testing.T) { onEach(t, testVendorsIn) }

func testVendorsIn(t *testing.T, db place) {
	s := db.open(t)
	newVendor(t, s, "user-1", "unknown")
	for name, p := range map[string]Position{
		"sw": {10, 20}, "ne": {11, 22}, "centre": {10.5, 21},
		"west": {10.5, math.Nextafter(20, 0)}, "north": {math.Nextafter(11, 12), 21},
		"fiji": {-17, 179.5}, "samoa": {-14, -172},
		"line+": {0, 180}, "line-": {0, -180}, "zero": {0, 0},
		"pole": {90, 45}, "southpole": {-90, -45},
	} {
		putAt(t, s, name, p)
	}
	tests := map[string]struct {
		box  Box
		want string
	}{
		"corners and inside":        {box(10, 20, 11, 22), "centre ne sw"},
		"a point":                   {box(10, 20, 10, 20), "sw"},
		"one edge":                  {box(10, 20, 11, 20), "sw"},
		"just inside":               {box(math.Nextafter(10, 11), 20, 11, math.Nextafter(22, 0)), "centre"},
		"just outside":              {box(10, math.Nextafter(20, 0), math.Nextafter(11, 12), 22), "centre ne north sw west"},
		"empty":                     {box(40, 40, 41, 41), ""},
		"across the antimeridian":   {box(-20, 179, -10, -170), "fiji samoa"},
		"antimeridian, west half":   {box(-20, 179.5, -10, -173), "fiji"},
		"antimeridian, east half":   {box(-20, 179.6, -10, -172), "samoa"},
		"the line from the west":    {box(0, 179, 0, 180), "line+ line-"},
		"the line from the east":    {box(0, -180, 0, -179), "line+ line-"},
		"the line alone, east":      {box(0, 180, 0, 180), "line+ line-"},
		"the line alone, west":      {box(0, -180, 0, -180), "line+ line-"},
		"the line, crossed":         {box(0, 180, 0, -180), "line+ line-"},
		"all around without a line": {box(0, -179.9, 0, 179.9), "zero"},
		"all but a strip":           {box(0, 1, 0, -1), "line+ line-"},
		"whole world": {box(-90, -180, 90, 180),
			"centre fiji line+ line- ne north pole samoa southpole sw west zero"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := namesIn(t, s, test.box); got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

func TestVendorsInIsOrderedAndKeepsPositions(t *testing.T) {
	onEach(t, testVendorsInIsOrderedAndKeepsPositions)
}

func testVendorsInIsOrderedAndKeepsPositions(t *testing.T, db place) {
	s := db.open(t)
	want := Position{Lat: 12.345678901234567, Lng: -98.76543210987654}
	for range 3 {
		putAt(t, s, "x", want)
	}
	located, err := s.VendorsIn(t.Context(), box(12, -99, 13, -98))
	if err != nil || len(located) != 3 {
		t.Fatal(located, err)
	}
	if !slices.IsSortedFunc(located, func(a, b Located) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("not ordered by id")
	}
	if located[0].Position != want {
		t.Errorf("position %v, want %v", located[0].Position, want)
	}
}

func TestPositionsOffTheMap(t *testing.T) { onEach(t, testPositionsOffTheMap) }

func testPositionsOffTheMap(t *testing.T, db place) {
	s := db.open(t)
	vendor := newVendor(t, s, "user-1", "x")
	up := math.Nextafter
	for _, lat := range []float64{up(90, 91), up(-90, -91), 1e300, math.NaN(), math.Inf(1), math.Inf(-1)} {
		wantField(t, s.MoveVendor(t.Context(), "user-1", vendor.ID, Position{Lat: lat}), "location.lat")
		_, err := s.VendorsIn(t.Context(), box(lat, 0, 90, 0))
		wantField(t, err, "sw.lat")
		_, err = s.VendorsIn(t.Context(), box(-90, 0, lat, 0))
		wantField(t, err, "ne.lat")
	}
	for _, lng := range []float64{up(180, 181), up(-180, -181), math.NaN(), math.Inf(1), math.Inf(-1)} {
		wantField(t, s.MoveVendor(t.Context(), "user-1", vendor.ID, Position{Lng: lng}), "location.lng")
		_, err := s.VendorsIn(t.Context(), box(0, lng, 0, 0))
		wantField(t, err, "sw.lng")
		_, err = s.VendorsIn(t.Context(), box(0, 0, 0, lng))
		wantField(t, err, "ne.lng")
	}
	_, err := s.VendorsIn(t.Context(), box(1, 0, 0, 0))
	wantField(t, err, "sw.lat")
	if got, err := s.Vendor(t.Context(), vendor.ID); err != nil || got.Position != nil {
		t.Errorf("position %v, %v", got.Position, err)
	}
}

func TestVendorsInIsNeverCutShort(t *testing.T) { onEach(t, testVendorsInIsNeverCutShort) }

func testVendorsInIsNeverCutShort(t *testing.T, db place) {
	s := db.open(t)
	fill(t, s, MaxInBox)
	all := box(-1, -1, 1, 1)
	if got, err := s.VendorsIn(t.Context(), all); err != nil || len(got) != MaxInBox {
		t.Errorf("%d vendors, %v", len(got), err)
	}
	putAt(t, s, "one too many", Position{})
	got, err := s.VendorsIn(t.Context(), all)
	wantCode(t, err, codes.FailedPrecondition)
	if got != nil {
		t.Errorf("%d vendors", len(got))
	}
	for _, detail := range status.Convert(err).Details() {
		if failed, ok := detail.(*errdetails.PreconditionFailure); ok {
			if v := failed.Violations[0]; v.Subject != "box" || !strings.Contains(v.Description, "narrow the box") {
				t.Errorf("violation %v", v)
			}
			return
		}
	}
	t.Errorf("error %v says not what to do", err)
}

// contains says by turning the globe, not by splitting, whether a box holds a
// point.
func contains(b Box, p Position) bool {
	eastOf := func(lng float64) float64 { return math.Mod(lng-b.SouthWest.Lng+720, 360) }
	width := eastOf(b.NorthEast.Lng)
	if b.SouthWest.Lng == -180 && b.NorthEast.Lng == 180 {
		width = 360
	}
	return b.SouthWest.Lat <= p.Lat && p.Lat <= b.NorthEast.Lat && eastOf(p.Lng) <= width
}

func TestVendorsInAgreesWithTheGlobe(t *testing.T) { onEach(t, testVendorsInAgreesWithTheGlobe) }

func testVendorsInAgreesWithTheGlobe(t *testing.T, db place) {
	s := db.open(t)
	const step = 30 // degrees; whole ones are exact
	points := make(map[string]Position)
	for lat := -90; lat <= 90; lat += step {
		for lng := -180; lng <= 180; lng += step {
			v := newVendor(t, s, "user-1", "x")
			points[v.ID] = Position{Lat: float64(lat), Lng: float64(lng)}
			if err := s.MoveVendor(t.Context(), "user-1", v.ID, points[v.ID]); err != nil {
				t.Fatal(err)
			}
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		degree := func(name string, bound int) float64 {
			return float64(rapid.IntRange(-bound/10, bound/10).Draw(r, name) * 10)
		}
		south, north := degree("south", 90), degree("north", 90)
		b := box(min(south, north), degree("west", 180), max(south, north), degree("east", 180))
		located, err := s.VendorsIn(t.Context(), b)
		if err != nil {
			r.Fatal(err)
		}
		found := make(map[string]bool)
		for _, v := range located {
			found[v.ID] = true
		}
		for id, p := range points {
			if found[id] != contains(b, p) {
				r.Fatalf("box %v, point %v: found %t", b, p, found[id])
			}
		}
	})
}
