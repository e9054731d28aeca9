package store

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/XSAM/otelsql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

const (
	// lockWait is how long a statement waits for what others hold, as with SQLite.
	lockWait = 5 * time.Second
	// cancelWait is how long a server that was told to end a statement has for it.
	// After that the connection is closed.
	cancelWait = time.Second
	// lockPreparation has one process at a time migrate. See [engine] for the number.
	lockPreparation = `SELECT pg_advisory_lock(6216757000)`

	firstConnectWait = 100 * time.Millisecond
	maxConnectWait   = 2 * time.Second
)

// OpenPostgreSQL opens the database that a URL names ("postgres://user@host/name"),
// and brings its schema up to date; several processes may do so at once. A server that
// is away or starting is waited for, up to 30 s. The password is the one given, or
// that of the URL where none is.
//
// A URL without sslmode means verify-full, and disable where the server is on this
// machine. No error holds the URL or the password.
func OpenPostgreSQL(ctx context.Context, from, password string, o Options) (*Store, error) {
	o, err := o.completed()
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	config, err := parseURL(from, password, o)
	if err != nil {
		return nil, fmt.Errorf("store: the URL of the database: %w", err)
	}
	s, err := openPostgreSQL(ctx, config, o)
	if err != nil {
		return nil, fmt.Errorf("store: the database %s cannot be opened: %w", placeOf(config), err)
	}
	return s, nil
}

// CheckURL returns what [OpenPostgreSQL] would refuse in a URL and a password without
// connecting; files that the URL names are read. The error holds neither.
func CheckURL(from, password string) error {
	_, err := parseURL(from, password, Options{})
	return err
}

// placeOf names a database in errors.
func placeOf(c *pgx.ConnConfig) string {
	return path.Join(net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), c.Database)
}

// parseURL returns how to connect. What is wrong is said without the URL's text, which
// may hold a password.
func parseURL(from, password string, o Options) (*pgx.ConnConfig, error) {
	parsed, err := url.Parse(from)
	if err != nil || parsed.Scheme != "postgres" && parsed.Scheme != "postgresql" {
		return nil, errors.New("must be the URL of a PostgreSQL database; write postgres://USER@HOST:PORT/NAME")
	}
	inURL, _ := parsed.User.Password()
	if password != "" && inURL != "" {
		return nil, errors.New("has a password, and one is given beside it; keep one of the two")
	}
	query := parsed.Query()
	if query.Get("sslmode") == "" {
		query.Set("sslmode", defaultSSLMode(parsed, query.Get("host")))
	}
	if query.Get("target_session_attrs") == "" {
		query.Set("target_session_attrs", "read-write") // after a failover the other one
	}
	parsed.RawQuery = query.Encode()
	config, err := pgx.ParseConfig(parsed.String())
	if err != nil {
		return nil, errors.New("cannot be used: " + withoutURL(err))
	}
	if password != "" {
		config.Password = password
	}
	tune(config, o)
	return config, nil
}

// withoutURL is what pgx found wrong, without the URL that it found it in.
func withoutURL(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	if _, whole := err.(*pgconn.ParseConfigError); whole { //nolint:errorlint // the innermost
		return "a parameter of it is wrong or unknown"
	}
	return err.Error()
}

// defaultSSLMode asks for TLS unless the server is this machine.
func defaultSSLMode(u *url.URL, host string) string {
	for name := range strings.SplitSeq(host+","+u.Host, ",") {
		if only, _, err := net.SplitHostPort(name); err == nil {
			name = only
		}
		name = strings.Trim(name, "[]")
		if name == "" || name == "localhost" || strings.HasPrefix(name, "/") {
			continue
		}
		if ip := net.ParseIP(name); ip == nil || !ip.IsLoopback() {
			return "verify-full"
		}
	}
	return "disable"
}

// tune sets what every connection has.
func tune(c *pgx.ConnConfig, o Options) {
	c.ConnectTimeout = o.ConnectTimeout
	for name, value := range map[string]string{
		"application_name": "venta",
		"lock_timeout":     millis(lockWait),
		// What a client that vanished had begun must not hold its locks for ever.
		"idle_in_transaction_session_timeout": millis(longest),
		"statement_timeout":                   millis(longest + cancelWait),
	} {
		if c.RuntimeParams[name] == "" { // the URL may say
			c.RuntimeParams[name] = value
		}
	}
	// A call that ends has the server end its statement, which frees its locks and
	// keeps the connection.
	c.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: cancelWait}
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func openPostgreSQL(ctx context.Context, config *pgx.ConnConfig, o Options) (*Store, error) {
	if err := preparePostgreSQL(ctx, config); err != nil {
		return nil, err
	}
	db := o.pooled(o.openPool(config), o.PoolSize)
	s := newStore(postgresqlEngine, db, db)
	if err := errors.Join(s.prepare(ctx), s.measure(o, map[string]*sql.DB{"postgresql": db})); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (o Options) openPool(config *pgx.ConnConfig) *sql.DB {
	connector := stdlib.GetConnector(*config, stdlib.OptionResetSession(refuseReadOnly))
	if o.TracerProvider == nil {
		return sql.OpenDB(connector)
	}
	return otelsql.OpenDB(connector, o.traced(semconv.DBSystemNamePostgreSQL, semconv.DBNamespace(config.Database),
		semconv.ServerAddress(config.Host), semconv.ServerPort(int(config.Port)))...)
}

// refuseReadOnly gives up a connection whose server takes no writes any more, as after
// a failover: the next one finds the server that does.
func refuseReadOnly(_ context.Context, conn *pgx.Conn) error {
	for _, parameter := range []string{"default_transaction_read_only", "in_hot_standby"} {
		if conn.PgConn().ParameterStatus(parameter) == "on" {
			return sqldriver.ErrBadConn
		}
	}
	return nil
}

// preparePostgreSQL waits for the server and brings the schema up to date, one
// process at a time. The lock ends with its connection.
func preparePostgreSQL(ctx context.Context, config *pgx.ConnConfig) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lockTimeout, errors.New("another process holds it, or the server is away"))
	defer cancel()
	patient := config.Copy()
	patient.RuntimeParams["lock_timeout"] = "0"
	patient.RuntimeParams["statement_timeout"] = "0"
	patient.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	db := stdlib.OpenDB(*patient)
	conn, err := connectPatiently(ctx, db)
	if err == nil {
		err = prepareLocked(ctx, db, conn)
	}
	if conn != nil {
		err = errors.Join(err, conn.Close())
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return errors.Join(err, db.Close())
}

func prepareLocked(ctx context.Context, db *sql.DB, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, lockPreparation); err != nil {
		return err
	}
	if err := postgresqlEngine.migrate(ctx, db); err != nil {
		return err
	}
	return addPageKey(ctx, db)
}

// connectPatiently tries again while the server may only be starting.
func connectPatiently(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	for wait := firstConnectWait; ; wait = min(2*wait, maxConnectWait) {
		conn, err := db.Conn(ctx)
		if err == nil || !mayCome(err) {
			return conn, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}
