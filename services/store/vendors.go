package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/services/fault"
)

// MaxPageSize is the most vendors that [Store.Vendors] returns at once.
const MaxPageSize = 200

// Profile is what a vendor's owner says of it.
type Profile struct {
	Name, Description, Phone, Email, Website, ProfileImage string

	Open bool
}

// Vendor is a stored vendor. Its owner is not part of it: nobody is told.
type Vendor struct {
	Profile

	ID        string    // a UUID, version 7
	Position  *Position // nil while unknown
	CreatedAt time.Time // UTC, in microseconds
	UpdatedAt time.Time // UTC, in microseconds; a move counts
	Revision  int64     // from 1; it grows with each change, a move included
}

// Changes are the fields of a profile that change; nil ones stay.
type Changes struct {
	Name, Description, Phone, Email, Website, ProfileImage *string

	Open *bool
}

// CreateVendor stores a new vendor that belongs to owner.
func (s *Store) CreateVendor(ctx context.Context, owner string, p Profile) (Vendor, error) {
	if err := errors.Join(p.check(), checkTexts(text{"owner", owner})); err != nil {
		return Vendor{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Vendor{}, err
	}
	var vendor Vendor
	err = s.change(ctx, "create a vendor", func(ctx context.Context, c *change) error {
		// Tokens may arrive before the report of the user does.
		if err := c.upsertUser(ctx, owner, ""); err != nil {
			return err
		}
		created, err := c.following(ctx)
		if err != nil {
			return err
		}
		vendor, err = scanVendor(c.QueryRowContext(ctx, insertVendor, id.String(), p.Name, p.Description,
			p.Phone, p.Email, p.Website, p.ProfileImage, p.Open, created, owner))
		if err != nil {
			return err
		}
		return c.tellVendor(ctx, SubjectVendorCreated, vendor)
	})
	if err != nil {
		return Vendor{}, err
	}
	return vendor, nil
}

// maxSkew is how far the clock of another process may be ahead.
const maxSkew = time.Minute

// following returns the time of a creation: the order of creation is the order of
// commits, so that who reads page by page misses nothing, though processes have
// clocks of their own.
func (c *change) following(ctx context.Context) (int64, error) {
	if err := c.hold(ctx, c.engine.lockOrder); err != nil {
		return 0, err
	}
	var latest int64
	if err := c.QueryRowContext(ctx, selectLatest).Scan(&latest); err != nil {
		return 0, err
	}
	at := now()
	if latest >= at && latest-at < maxSkew.Microseconds() {
		at = latest + 1
	}
	return at, nil
}

// Vendor returns a vendor, or NOT_FOUND.
func (s *Store) Vendor(ctx context.Context, id string) (Vendor, error) {
	if !storable(id) {
		return Vendor{}, fault.NotFound("vendor")
	}
	var vendor Vendor
	err := s.look(ctx, "read a vendor", func(ctx context.Context) (err error) {
		vendor, err = scanVendor(s.read.QueryRowContext(ctx, selectVendor, id))
		return err
	})
	return vendor, err
}

// AnyRevision changes or deletes a vendor whatever its revision is.
const AnyRevision int64 = 0

// UpdateVendor changes what is given and returns the vendor after it. A vendor
// of another owner is NOT_FOUND, one of another revision is ABORTED. Where nothing
// is given nothing changes.
func (s *Store) UpdateVendor(ctx context.Context, owner, id string, revision int64, c Changes) (Vendor, error) {
	if !storable(id) || !storable(owner) {
		return Vendor{}, fault.NotFound("vendor")
	}
	if c == (Changes{}) {
		return s.unchanged(ctx, owner, id, revision)
	}
	if err := c.check(); err != nil {
		return Vendor{}, err
	}
	var vendor Vendor
	// A transaction, so that a commit that fails is heard of: the statement returns
	// a row before it is committed.
	err := s.change(ctx, "update a vendor", func(ctx context.Context, tx *change) error {
		var err error
		vendor, err = scanVendor(tx.QueryRowContext(ctx, updateVendor, id, owner, c.Name, c.Description,
			c.Phone, c.Email, c.Website, c.ProfileImage, c.Open, tx.now, revision))
		if err != nil {
			return tx.orChanged(ctx, owner, id, err)
		}
		return tx.tellVendor(ctx, SubjectVendorUpdated, vendor)
	})
	if err != nil {
		return Vendor{}, err
	}
	return vendor, nil
}

// unchanged is an update of nothing.
func (s *Store) unchanged(ctx context.Context, owner, id string, revision int64) (Vendor, error) {
	var vendor Vendor
	err := s.look(ctx, "read a vendor", func(ctx context.Context) (err error) {
		vendor, err = scanVendor(s.read.QueryRowContext(ctx, selectOwnVendor, id, owner))
		if err == nil && revision != AnyRevision && revision != vendor.Revision {
			err = fault.Changed("vendor")
		}
		return err
	})
	return vendor, err
}

// DeleteVendor removes a vendor for good. A vendor of another owner is NOT_FOUND, one
// of another revision is ABORTED.
func (s *Store) DeleteVendor(ctx context.Context, owner, id string, revision int64) error {
	if !storable(id) || !storable(owner) {
		return fault.NotFound("vendor")
	}
	return s.change(ctx, "delete a vendor", func(ctx context.Context, c *change) error {
		gone, err := scanRevised(c.QueryRowContext(ctx, deleteVendor, id, owner, revision))
		if err != nil {
			return c.orChanged(ctx, owner, id, err)
		}
		return c.tellGone(ctx, gone.id, gone.revision)
	})
}

// revised is a vendor's row as a statement has left it, or found it at its end.
type revised struct {
	id                  string
	revision, updatedAt int64
}

func scanRevised(r row) (revised, error) {
	var v revised
	err := r.Scan(&v.id, &v.revision, &v.updatedAt)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.NotFound("vendor")
	}
	return v, err
}

// orChanged says of a vendor that was not found under a revision whether it is there
// under another one. It runs in the transaction that has looked for it.
func (c *change) orChanged(ctx context.Context, owner, id string, err error) error {
	if status.Code(err) != codes.NotFound {
		return err
	}
	if _, there := scanVendor(c.QueryRowContext(ctx, selectOwnVendor, id, owner)); there != nil {
		return there
	}
	return fault.Changed("vendor")
}

// Vendors returns up to size vendors (1 to [MaxPageSize]) in the order of their
// creation, and the token of the next page; the token is empty on the last one.
// An empty token stands for the first page.
func (s *Store) Vendors(ctx context.Context, size int, token string) ([]Vendor, string, error) {
	if size < 1 || size > MaxPageSize {
		return nil, "", fault.Invalid("page_size", fmt.Sprintf("must be between 1 and %d", MaxPageSize))
	}
	after := position{createdAt: math.MinInt64}
	if token != "" {
		var err error
		if after, err = s.pages.decode(token); err != nil {
			return nil, "", err
		}
	}
	var vendors []Vendor
	err := s.look(ctx, "list the vendors", func(ctx context.Context) error {
		// One more than requested tells whether there is a next page.
		rows, err := s.read.QueryContext(ctx, selectVendors, after.createdAt, after.id, size+1)
		vendors, err = collect(rows, err, scanVendor)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if len(vendors) <= size {
		return vendors, "", nil
	}
	last := vendors[size-1]
	return vendors[:size], s.pages.encode(position{last.CreatedAt.UnixMicro(), last.ID}), nil
}

// row is one row of a result.
type row interface{ Scan(...any) error }

func scanVendor(r row) (Vendor, error) {
	var v Vendor
	var lat, lng sql.NullFloat64
	var created, updated int64
	err := r.Scan(&v.ID, &v.Name, &v.Description, &v.Phone, &v.Email, &v.Website, &v.ProfileImage,
		&v.Open, &lat, &lng, &created, &updated, &v.Revision)
	if errors.Is(err, sql.ErrNoRows) {
		return Vendor{}, fault.NotFound("vendor")
	}
	if err != nil {
		return Vendor{}, err
	}
	if lat.Valid && lng.Valid {
		v.Position = &Position{Lat: lat.Float64, Lng: lng.Float64}
	}
	v.CreatedAt, v.UpdatedAt = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC()
	return v, nil
}

// collect reads all rows of a result that the statement has bounded.
func collect[T any](rows *sql.Rows, err error, scan func(row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
