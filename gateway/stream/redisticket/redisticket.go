// Package redisticket keeps the tickets of WebSockets in Redis, so that any gateway of
// a fleet takes one, and one of them alone.
package redisticket

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/redis"
)

// Store implements stream.TicketStore. It is safe for concurrent use.
type Store struct{ client *redis.Client }

// New returns a store of a client, which stays its owner's.
func New(client *redis.Client) *Store { return &Store{client} }

func (s *Store) key(ticket string) string { return s.client.Prefix() + "ticket:" + ticket }

// Put keeps a value for that long.
func (s *Store) Put(ctx context.Context, ticket string, value []byte, life time.Duration) error {
	key := s.key(ticket)
	_, err := redis.Do(ctx, s.client, key, func(ctx context.Context, r rueidis.Client) (struct{}, error) {
		return struct{}{}, r.Do(ctx, r.B().Set().Key(key).Value(rueidis.BinaryString(value)).Px(life).Build()).Error()
	})
	return err
}

// Take returns a value once; nil: there is none.
func (s *Store) Take(ctx context.Context, ticket string) ([]byte, error) {
	key := s.key(ticket)
	return redis.Do(ctx, s.client, key, func(ctx context.Context, r rueidis.Client) ([]byte, error) {
		value, err := r.Do(ctx, r.B().Getdel().Key(key).Build()).AsBytes()
		if rueidis.IsRedisNil(err) {
			return nil, nil
		}
		return value, err
	})
}
