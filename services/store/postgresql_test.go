package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/internal/postgrestest"
	"github.com/venta-hq/venta/services/fault"
)

// openOn opens a new database of a server of the test's own.
func openOn(t *testing.T, server *postgrestest.Server) *Store {
	t.Helper()
	return place(server.Database(t)).open(t)
}

// wantAway checks that a call says that the database is away, and nothing more.
func wantAway(t *testing.T, err error) {
	t.Helper()
	wantCode(t, err, codes.Unavailable)
	wantReason(t, err, fault.ReasonStoreUnavailable)
	if text := err.Error(); strings.Contains(text, "SQL") || strings.Contains(text, "127.0.0.1") || strings.Contains(text, "venta") || fault.Cause(err) == nil {
		t.Errorf("the client sees %s; the cause is %v", text, fault.Cause(err))
	}
}

// eventually waits for what other processes do.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// A server that crashes loses nothing that was acknowledged, and is found again.
func TestServerCrashesAndComesBack(t *testing.T) {
	server := postgrestest.Start(t)
	s := openOn(t, server)
	kept := newVendor(t, s, "user-1", "kept")
	server.Down()
	for range 3 {
		_, err := s.Vendor(t.Context(), kept.ID)
		wantAway(t, err)
		_, err = s.CreateVendor(t.Context(), "user-1", Profile{Name: "x"})
		wantAway(t, err)
		_, err = s.Outbox().Take(t.Context(), 1, time.Second)
		wantAway(t, err)
		wantAway(t, s.Ping(t.Context()))
	}
	must(t, server.Up())
	must(t, s.Ping(t.Context()))
	if got, err := s.Vendor(t.Context(), kept.ID); err != nil || got.Name != "kept" {
		t.Errorf("%+v %v", got, err)
	}
	newVendor(t, s, "user-1", "after")
	if got := subjects(take(t, s)); got != "user.created vendor.created vendor.created" {
		t.Errorf("told %s", got)
	}
}

// Connections that the server ended are replaced, and nobody sees it.
func TestConnectionsThatWereEnded(t *testing.T) {
	db := newPostgreSQL(t)
	s, other := db.open(t), db.open(t)
	vendor := newVendor(t, s, "user-1", "x")
	for i := range 5 {
		if _, err := other.write.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			_, err := s.Vendor(t.Context(), vendor.ID)
			must(t, err)
		} else {
			must(t, s.MoveVendor(t.Context(), "user-1", vendor.ID, Position{}))
		}
	}
}

// A server that writes no more, as after a failover, is away for those who write until
// it does.
func TestServerBecomesReadOnly(t *testing.T) {
	server := postgrestest.Start(t)
	s := openOn(t, server)
	newVendor(t, s, "user-1", "x")
	server.Do(t, "postgres", "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
	eventually(t, "writes are refused", func() bool {
		err := s.AddUser(t.Context(), "user-2", "")
		if err != nil {
			wantAway(t, err)
		}
		return err != nil
	})
	wantAway(t, s.AddUser(t.Context(), "user-2", ""))
	server.Do(t, "postgres", "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
	eventually(t, "writes go well", func() bool { return s.AddUser(t.Context(), "user-2", "") == nil })
}

func TestTooManyConnections(t *testing.T) {
	server := postgrestest.Start(t)
	s := openOn(t, server)
	s.write.SetMaxIdleConns(0) // it has none in hand
	var others []*pgx.Conn
	defer func() {
		for _, conn := range others {
			_ = conn.Close(context.Background())
		}
	}()
	for {
		conn, err := pgx.Connect(t.Context(), server.URL("postgres"))
		if err != nil {
			break
		}
		others = append(others, conn)
	}
	_, err := s.Vendor(t.Context(), "x")
	wantAway(t, err)
	must(t, others[0].Close(t.Context()))
	eventually(t, "a connection is free", func() bool { return s.Ping(t.Context()) == nil })
}

// A call ends with its deadline, and so does what it began at the server.
func TestCallsEndWithTheirDeadline(t *testing.T) {
	server := postgrestest.Start(t)
	s := openOn(t, server)
	vendor := newVendor(t, s, "user-1", "x")
	locked, err := s.write.Begin()
	must(t, err)
	if _, err := locked.Exec("LOCK TABLE vendors"); err != nil {
		t.Fatal(err)
	}
	for _, call := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := s.Vendor(ctx, vendor.ID); return err },
		func(ctx context.Context) error { return s.MoveVendor(ctx, "user-1", vendor.ID, Position{}) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		wantCode(t, call(ctx), codes.DeadlineExceeded)
		cancel()
	}
	waiting := func() (n int) {
		must(t, locked.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'").Scan(&n))
		return n
	}
	eventually(t, "nothing waits at the server", func() bool { return waiting() == 0 })
	must(t, locked.Rollback())
	if got, err := s.Vendor(t.Context(), vendor.ID); err != nil || got.Revision != 1 {
		t.Errorf("%+v %v", got, err)
	}
	// A server that gives no answer at all.
	must(t, server.Pause())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	wantCode(t, s.Ping(ctx), codes.DeadlineExceeded)
	must(t, server.Resume())
	must(t, s.Ping(t.Context()))
}

// What others hold for too long makes a call busy, as with SQLite.
func TestRowsThatOthersHold(t *testing.T) {
	db := newPostgreSQL(t)
	s := place(string(db) + "?lock_timeout=50").open(t)
	vendor := newVendor(t, s, "user-1", "x")
	tx, err := db.open(t).write.Begin()
	must(t, err)
	if _, err := tx.Exec("UPDATE vendors SET name = 'y'"); err != nil {
		t.Fatal(err)
	}
	err = s.MoveVendor(t.Context(), "user-1", vendor.ID, Position{})
	wantCode(t, err, codes.Unavailable)
	wantReason(t, err, fault.ReasonBusy)
	if got, err := s.Vendor(t.Context(), vendor.ID); err != nil || got.Name != "x" {
		t.Errorf("readers wait: %+v %v", got, err)
	}
	must(t, tx.Rollback())
	must(t, s.MoveVendor(t.Context(), "user-1", vendor.ID, Position{}))
}

// Of two transactions that wait for each other one is undone, and done again.
func TestDeadlocksAreDoneAgain(t *testing.T) {
	s := newPostgreSQL(t).open(t)
	must(t, s.AddUser(t.Context(), "a", "0"))
	must(t, s.AddUser(t.Context(), "b", "0"))
	var both, group sync.WaitGroup
	both.Add(2)
	begun := sync.OnceFunc(both.Wait)
	for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		met := sync.OnceFunc(func() { both.Done(); begun() })
		group.Go(func() {
			must := func(err error) {
				if err != nil {
					t.Error(err)
				}
			}
			must(s.change(t.Context(), "lock", func(ctx context.Context, c *change) error {
				for _, id := range order {
					if _, err := c.ExecContext(ctx, "UPDATE users SET email = email || '+' WHERE id = $1", id); err != nil {
						return err
					}
					met() // the first time both have one
				}
				return nil
			}))
		})
	}
	group.Wait()
	for _, id := range []string{"a", "b"} {
		if got := emailOf(t, s, id); got != "0++" {
			t.Errorf("%s has %q", id, got)
		}
	}
}

// A conflict that does not end makes a call busy.
func TestConflictsThatDoNotEnd(t *testing.T) {
	s := newPostgreSQL(t).open(t)
	if _, err := s.write.Exec(`CREATE FUNCTION conflict() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$`); err != nil {
		t.Fatal(err)
	}
	attempts := 0
	err := s.change(t.Context(), "try", func(ctx context.Context, c *change) error {
		attempts++
		_, err := c.ExecContext(ctx, "SELECT conflict()")
		return err
	})
	wantCode(t, err, codes.Unavailable)
	wantReason(t, err, fault.ReasonBusy)
	if attempts != maxAttempts {
		t.Errorf("%d attempts", attempts)
	}
}

// Connections are bounded, and closed with the store.
func TestConnectionsAreBounded(t *testing.T) {
	db := newPostgreSQL(t)
	watch := db.open(t)
	s, err := OpenPostgreSQL(t.Context(), string(db)+"?application_name=bounded", "", Options{PoolSize: 2})
	must(t, err)
	connections := func() (n int) {
		must(t, watch.read.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bounded'").Scan(&n))
		return n
	}
	var group sync.WaitGroup
	for i := range 30 {
		group.Go(func() {
			if _, err := s.CreateVendor(t.Context(), fmt.Sprint("user-", i), Profile{Name: "x"}); err != nil {
				t.Error(err)
			}
		})
	}
	if n := connections(); n > 2 {
		t.Errorf("%d connections", n)
	}
	group.Wait()
	if n := connections(); n < 1 || n > 2 {
		t.Errorf("%d connections", n)
	}
	must(t, s.Close())
	eventually(t, "no connection is left", func() bool { return connections() == 0 })
}

func TestOpenPostgreSQLRefuses(t *testing.T) {
	db := newPostgreSQL(t)
	host := strings.SplitN(strings.SplitN(string(db), "@", 2)[1], "/", 2)
	name := host[1]
	newer := newPostgreSQL(t)
	if _, err := newer.open(t).write.Exec("INSERT INTO venta_db_version (version_id, is_applied) VALUES (9999, true)"); err != nil {
		t.Fatal(err)
	}
	others := newPostgreSQL(t)
	conn, err := pgx.Connect(t.Context(), string(others))
	must(t, err)
	_, err = conn.Exec(t.Context(), "CREATE TABLE vendors (id INT); CREATE TABLE goose_db_version (id INT)")
	must(t, errors.Join(err, conn.Close(t.Context())))
	at := func(user, path string) string { return "postgres://" + user + "@" + host[0] + "/" + path }
	tests := map[string]struct{ url, password, want string }{
		"not a URL":              {"host=localhost password=" + postgrestest.Password, "", "must be the URL"},
		"malformed":              {"postgres://venta:%zz" + postgrestest.Password + "@h/n", "", "must be the URL"},
		"two passwords":          {string(db), "another", "has a password"},
		"a wrong mode":           {string(db) + "?sslmode=silly", "", "sslmode is invalid"},
		"a wrong password":       {at("venta", name), "wrong-" + postgrestest.Password, "password authentication failed"},
		"no password":            {at("venta", name), "", "SASL"},
		"no such database":       {at("venta", "nowhere"), postgrestest.Password, "does not exist"},
		"no TLS":                 {string(db) + "?sslmode=require", "", "refused TLS"},
		"of a newer Venta":       {string(newer), "", "it is of a newer Venta: schema 9999"},
		"of another application": {string(others), "", "already exists"},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			s, err := OpenPostgreSQL(t.Context(), test.url, test.password, Options{})
			if err == nil {
				_ = s.Close()
				t.Fatal("it was opened")
			}
			if text := err.Error(); !strings.Contains(text, test.want) || strings.Contains(text, postgrestest.Password) || strings.Contains(fmt.Sprintf("%#v", text), "wrong-") {
				t.Errorf("error %s, want %q", text, test.want)
			}
		})
	}
}

// A server that is away is waited for, as long as the caller does.
func TestOpenWaitsForTheServer(t *testing.T) {
	server := postgrestest.Start(t)
	db := server.Database(t)
	server.Down()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := OpenPostgreSQL(ctx, db, "", Options{}); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), server.Addr) || strings.Contains(err.Error(), postgrestest.Password) {
		t.Errorf("%v", err)
	}
	opened := make(chan *Store, 1)
	go func() {
		s, err := OpenPostgreSQL(t.Context(), db, "", Options{})
		if err != nil {
			t.Error(err)
		}
		opened <- s
	}()
	must(t, server.Up())
	if s := <-opened; s != nil {
		must(t, errors.Join(s.Ping(t.Context()), s.Close()))
	}
}

func TestDefaultSSLMode(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://u@localhost/n": "disable", "postgres://u@127.0.0.1:5432/n": "disable", "postgres://u@[::1]:5432/n": "disable",
		"postgres://u@/n?host=/run/postgresql": "disable", "postgres:///n?host=/run/postgresql": "disable",
		"postgres://u@db.internal/n": "verify-full", "postgres://u@10.0.0.1:5432/n": "verify-full",
		"postgres://u@localhost:1,db.internal:2/n": "verify-full", "postgres://u@/n?host=db.internal": "verify-full",
		"postgres://u@db.internal/n?sslmode=require": "require", "postgres://u@db.internal/n?sslmode=disable": "disable",
	} {
		c, err := parseURL(url, "", Options{ConnectTimeout: time.Second})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		got := "disable"
		if c.TLSConfig != nil {
			got = "verify-full"
			if c.TLSConfig.InsecureSkipVerify {
				got = "require"
			}
		}
		if got != want || c.ConnectTimeout != time.Second || c.RuntimeParams["application_name"] != "venta" {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}
