package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/venta-hq/venta/services/fault"
)

// MaxOwnVendors is the most vendors that [Store.VendorsOf] returns.
const MaxOwnVendors = 5000

// VendorName is a vendor in its owner's list.
type VendorName struct{ ID, Name string }

// Subscription is what a user bought.
type Subscription struct{ ID, Product string }

// AddUser stores a user. One that is known stays as it is; only an e-mail
// address that was not known yet is filled in.
func (s *Store) AddUser(ctx context.Context, id, email string) error {
	if err := checkTexts(text{"user_id", id}, text{"email", email}); err != nil {
		return err
	}
	return s.change(ctx, "add a user", func(ctx context.Context, c *change) error {
		return c.upsertUser(ctx, id, email)
	})
}

// upsertUser tells of a user that is new.
func (c *change) upsertUser(ctx context.Context, id, email string) error {
	var created int64
	err := c.QueryRowContext(ctx, upsertUser, id, email, c.now).Scan(&created)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // it is known, and stays as it is
	}
	if err != nil || created != c.now {
		return err
	}
	return c.tellUser(ctx, SubjectUserCreated, id)
}

// DeleteUser removes a user, after its vendors and its subscription and all at
// once. An unknown user is no error.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	if !storable(id) {
		return nil
	}
	return s.change(ctx, "delete a user", func(ctx context.Context, c *change) error {
		result, err := c.ExecContext(ctx, lockUser, id)
		if err != nil {
			return err
		}
		if known, err := result.RowsAffected(); err != nil || known == 0 {
			return err // nothing can hang on it
		}
		rows, err := c.QueryContext(ctx, deleteVendorsOf, id)
		gone, err := collect(rows, err, scanRevised)
		if err != nil {
			return err
		}
		for _, v := range gone {
			if err := c.tellGone(ctx, v.id, v.revision); err != nil {
				return err
			}
		}
		for _, statement := range []string{deleteSubscriptionOf, deleteUser} {
			if _, err := c.ExecContext(ctx, statement, id); err != nil {
				return err
			}
		}
		return c.tellUser(ctx, SubjectUserDeleted, id)
	})
}

// SetSubscription stores what a user bought in place of what it bought before.
// A user that has not been reported yet is added.
func (s *Store) SetSubscription(ctx context.Context, user string, sub Subscription) error {
	if err := checkTexts(text{"user_id", user}, text{"subscription_id", sub.ID}, text{"product", sub.Product}); err != nil {
		return err
	}
	return s.change(ctx, "set a subscription", func(ctx context.Context, c *change) error {
		if err := c.upsertUser(ctx, user, ""); err != nil {
			return err
		}
		_, err := c.ExecContext(ctx, upsertSubscription, user, sub.ID, sub.Product, c.now)
		return err
	})
}

// VendorsOf returns the vendors of an owner in the order of their creation. It
// fails with FAILED_PRECONDITION where there are more than [MaxOwnVendors].
func (s *Store) VendorsOf(ctx context.Context, owner string) ([]VendorName, error) {
	if !storable(owner) {
		return nil, nil
	}
	var vendors []VendorName
	err := s.look(ctx, "list an owner's vendors", func(ctx context.Context) error {
		rows, err := s.read.QueryContext(ctx, selectVendorsOf, owner, MaxOwnVendors+1)
		vendors, err = collect(rows, err, func(r row) (v VendorName, err error) {
			err = r.Scan(&v.ID, &v.Name)
			return v, err
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(vendors) > MaxOwnVendors {
		return nil, fault.TooMany("vendors", fmt.Sprintf("more than %d vendors: the list is too long", MaxOwnVendors))
	}
	return vendors, nil
}
