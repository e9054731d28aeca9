package store

import "github.com/pressly/goose/v3"

// engine is all that SQLite and PostgreSQL do not have in common. Everything
// else, each statement of queries.go included, is the same for both.
type engine struct {
	// name is that of OpenTelemetry's db.system.name.
	name         string
	dialect      goose.Dialect
	versionTable string
	// others are the migrations that are not for this engine.
	others []int64
	// classify says what an error of the driver means.
	classify func(error) kind
	// lockOrder and lockOutbox have one transaction at a time create vendors, and
	// take from the outbox; "" where one at a time writes anyway.
	lockOrder, lockOutbox string
	// skipLocked ends a SELECT of rows that are taken, and passes by those that
	// another transaction is changing.
	skipLocked string
}

var sqliteEngine = &engine{
	name:         "sqlite",
	dialect:      goose.DialectSQLite3,
	versionTable: "goose_db_version",
	others:       []int64{4},
	classify:     sqliteKind,
}

// The numbers of advisory locks are arbitrary. They belong to the database.
var postgresqlEngine = &engine{
	name:         "postgresql",
	dialect:      goose.DialectPostgres,
	versionTable: "venta_db_version", // another application may keep its own beside it
	classify:     postgresqlKind,
	lockOrder:    `SELECT pg_advisory_xact_lock(6216757001)`,
	lockOutbox:   `SELECT pg_advisory_xact_lock(6216757002)`,
	skipLocked:   ` FOR UPDATE SKIP LOCKED`,
}
