package store

import (
	"database/sql"
	"net/url"

	_ "modernc.org/sqlite" // registers the driver
)

const driver = "sqlite"

// Ways to open a file, as parameters of SQLite and its driver. Another process's
// writer is waited for 5 s. A write is on the disk when it is acknowledged: with
// WAL, FULL promises that and NORMAL does not. A file that is being created is
// nobody's yet, and synced as a whole.
const (
	reading  = "mode=ro&_query_only=1&_busy_timeout=5000" + common
	writing  = "mode=rw&_synchronous=FULL&_journal_mode=WAL&_busy_timeout=5000" + common
	creating = "mode=rw&_synchronous=OFF&_journal_mode=MEMORY" + common
	locking  = "mode=rwc&_busy_timeout=100" + common

	common = "&_foreign_keys=1&_txlock=immediate&_dqs=0&_error_rc=1"
)

// connect prepares a connection to the file, for what comes before the store.
func connect(path, parameters string) (*sql.DB, error) {
	db, err := sql.Open(driver, source(path, parameters))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// source names the file and how it is opened.
func source(path, parameters string) string {
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: parameters}
	return name.String()
}
