package store

import (
	"database/sql"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// The bounds and defaults of [Options].
const (
	MaxPoolSize           = 20
	DefaultPoolSize       = 20
	DefaultIdleTimeout    = 30 * time.Second
	DefaultConnectTimeout = 2 * time.Second
)

// Options are how a store connects and what it is observed by.
type Options struct {
	// PoolSize is the most connections at once, from 1 to 20. With SQLite one of
	// them writes, and one at least reads. Default 20.
	PoolSize int
	// IdleTimeout is how long a connection may be unused. Default 30 s.
	IdleTimeout time.Duration
	// ConnectTimeout is how long a connection to PostgreSQL may take to be made, at
	// each of its addresses. Default 2 s.
	ConnectTimeout time.Duration
	// TracerProvider makes a span for each statement of a call that is traced.
	// Default: none.
	TracerProvider trace.TracerProvider
	// MeterProvider takes what the pools do. Default: nobody wants to know.
	MeterProvider metric.MeterProvider
}

func (o Options) completed() (Options, error) {
	if o.PoolSize < 0 || o.PoolSize > MaxPoolSize || o.IdleTimeout < 0 || o.ConnectTimeout < 0 {
		return o, fmt.Errorf("a pool has 1 to %d connections, and no negative times", MaxPoolSize)
	}
	if o.PoolSize == 0 {
		o.PoolSize = DefaultPoolSize
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = DefaultIdleTimeout
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = DefaultConnectTimeout
	}
	return o, nil
}

// pooled bounds the connections.
func (o Options) pooled(db *sql.DB, conns int) *sql.DB {
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(o.IdleTimeout)
	return db
}
