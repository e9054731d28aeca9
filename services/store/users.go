package store

import (
	"context"
	"database/sql"
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
	_, err := s.write.ExecContext(ctx, upsertUser, id, email, now())
	return failure(ctx, "add a user", err)
}

// DeleteUser removes a user, after its vendors and its subscription and all at
// once. An unknown user is no error.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	err := s.transact(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{deleteVendorsOf, deleteSubscriptionOf, deleteUser} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return err
			}
		}
		return nil
	})
	return failure(ctx, "delete a user", err)
}

// SetSubscription stores what a user bought in place of what it bought before.
// A user that has not been reported yet is added.
func (s *Store) SetSubscription(ctx context.Context, user string, sub Subscription) error {
	err := s.transact(ctx, func(tx *sql.Tx) error {
		now := now()
		if _, err := tx.ExecContext(ctx, upsertUser, user, "", now); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, upsertSubscription, user, sub.ID, sub.Product, now)
		return err
	})
	return failure(ctx, "set a subscription", err)
}

// VendorsOf returns the vendors of an owner in the order of their creation. It
// fails with FAILED_PRECONDITION where there are more than [MaxOwnVendors].
func (s *Store) VendorsOf(ctx context.Context, owner string) ([]VendorName, error) {
	rows, err := s.read.QueryContext(ctx, selectVendorsOf, owner, MaxOwnVendors+1)
	vendors, err := collect(rows, err, func(r row) (v VendorName, err error) {
		err = r.Scan(&v.ID, &v.Name)
		return v, err
	})
	if err != nil {
		return nil, failure(ctx, "list an owner's vendors", err)
	}
	if len(vendors) > MaxOwnVendors {
		return nil, fault.TooMany("vendors", fmt.Sprintf("more than %d vendors: the list is too long", MaxOwnVendors))
	}
	return vendors, nil
}
