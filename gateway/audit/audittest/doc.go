// Package audittest has files for tests of what an audit log's disk can do.
package audittest
