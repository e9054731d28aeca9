package store

import (
	"context"
	"fmt"

	"github.com/venta-hq/venta/services/fault"
)

// MaxInBox is the most vendors that [Store.VendorsIn] returns.
const MaxInBox = 1000

// Position is a point on the WGS 84 ellipsoid, in degrees.
type Position struct{ Lat, Lng float64 }

// Box is a part of the map, its edges included. Where west lies east of east,
// the box crosses the antimeridian. The meridians 180 and -180 are the same.
type Box struct{ SouthWest, NorthEast Position }

// Located is a vendor on the map.
type Located struct {
	ID, Name string
	Position Position
}

// check refuses a point that is not on the map. The comparisons are written so
// that NaN fails them.
func (p Position) check(field string) error {
	if !(p.Lat >= -90 && p.Lat <= 90) {
		return fault.Invalid(field+".lat", "must be between -90 and 90")
	}
	if !(p.Lng >= -180 && p.Lng <= 180) {
		return fault.Invalid(field+".lng", "must be between -180 and 180")
	}
	return nil
}

func (b Box) check() error {
	if err := b.SouthWest.check("sw"); err != nil {
		return err
	}
	if err := b.NorthEast.check("ne"); err != nil {
		return err
	}
	if b.SouthWest.Lat > b.NorthEast.Lat {
		return fault.Invalid("sw.lat", "must not be north of ne.lat")
	}
	return nil
}

// span is a range of longitudes; from > to holds none.
type span struct{ from, to float64 }

// spans returns the box's longitudes as ranges that do not cross the antimeridian.
func (b Box) spans() (span, span) {
	west, east := b.SouthWest.Lng, b.NorthEast.Lng
	switch {
	case west > east:
		return span{west, 180}, span{-180, east}
	case west == -180:
		return span{west, east}, span{180, 180}
	case east == 180:
		return span{west, east}, span{-180, -180}
	default:
		return span{west, east}, span{1, 0}
	}
}

// MoveVendor stores the last known position of a vendor. A vendor of another
// owner is NOT_FOUND.
func (s *Store) MoveVendor(ctx context.Context, owner, id string, p Position) error {
	if err := p.check("location"); err != nil {
		return err
	}
	if !storable(id) || !storable(owner) {
		return fault.NotFound("vendor")
	}
	p = p.normal()
	return s.change(ctx, "move a vendor", func(ctx context.Context, c *change) error {
		moved, err := scanRevised(c.QueryRowContext(ctx, moveVendor, id, owner, p.Lat, p.Lng, c.now))
		if err != nil {
			return err
		}
		return c.tellMoved(ctx, moved.id, p, moved.revision, moved.updatedAt)
	})
}

// normal has one zero alone: PostgreSQL keeps the sign of the other, SQLite does not.
func (p Position) normal() Position {
	if p.Lat == 0 {
		p.Lat = 0
	}
	if p.Lng == 0 {
		p.Lng = 0
	}
	return p
}

// VendorsIn returns the vendors whose last known position lies in the box, by
// id. It fails with FAILED_PRECONDITION where there are more than [MaxInBox]:
// a result is never cut short.
func (s *Store) VendorsIn(ctx context.Context, b Box) ([]Located, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	first, second := b.spans()
	var vendors []Located
	err := s.look(ctx, "search a box", func(ctx context.Context) error {
		rows, err := s.read.QueryContext(ctx, selectVendorsIn, b.SouthWest.Lat, b.NorthEast.Lat,
			first.from, first.to, second.from, second.to, MaxInBox+1)
		vendors, err = collect(rows, err, func(r row) (v Located, err error) {
			err = r.Scan(&v.ID, &v.Name, &v.Position.Lat, &v.Position.Lng)
			return v, err
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(vendors) > MaxInBox {
		return nil, fault.TooMany("box", fmt.Sprintf("more than %d vendors: narrow the box", MaxInBox))
	}
	return vendors, nil
}
