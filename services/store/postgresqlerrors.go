package store

import (
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

// sqlStates are the codes of PostgreSQL (appendix A of its manual) that mean something here.
// What is not listed goes by its class, the first two characters.
var sqlStates = map[string]kind{
	"40001": conflicting, // serialization_failure
	"40P01": conflicting, // deadlock_detected
	"55P03": busy,        // lock_not_available
	"57014": busy,        // query_canceled: by the server's own limit
	"23505": taken,       // unique_violation
	"25006": away,        // read_only_sql_transaction: it is a standby now
	"25P03": lost,        // idle_in_transaction_session_timeout
	"57P01": lost,        // admin_shutdown
	"57P02": lost,        // crash_shutdown
	"57P05": lost,        // idle_session_timeout
	"57P03": away,        // cannot_connect_now
	"08":    lost,        // connection_exception
	"53":    away,        // insufficient_resources: connections, memory, the disk
	"58":    away,        // system_error: its files
}

// postgresqlKind says what an error of PostgreSQL or of its driver means.
func postgresqlKind(err error) kind {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return away
	}
	if failed, ok := errors.AsType[*pgconn.PgError](err); ok {
		return kindOfCode(failed.Code)
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return lost
	}
	for _, broken := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, pgconn.ErrConnClosed, sqldriver.ErrBadConn} {
		if errors.Is(err, broken) {
			return lost
		}
	}
	return unexpected
}

func kindOfCode(code string) kind {
	if known, ok := sqlStates[code]; ok || len(code) < 2 {
		return known
	}
	return sqlStates[code[:2]]
}

// mayCome tells of an error of connecting whether the next attempt may go well. What
// the server itself refuses, such as a password, it does for good, unless it is
// starting or full.
func mayCome(err error) bool {
	if failed, ok := errors.AsType[*pgconn.PgError](err); ok {
		k := kindOfCode(failed.Code)
		return k == away || k == lost
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
