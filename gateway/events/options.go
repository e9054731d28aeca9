package events

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
)

// Options are where the log is and how this process connects to it.
type Options struct {
	// URL is one or more URLs with commas between them, such as
	// "tls://nats-1:4222,tls://nats-2:4222". It may hold a user and a password, or a
	// token. Required.
	URL string
	// Credentials is what a credentials file of NATS holds: a JWT and its key.
	// Default: none.
	Credentials []byte
	// TLS secures the connections. Default: as the URLs and the servers say, with the
	// system's authorities.
	TLS *tls.Config
	// Name is what the servers show this connection as.
	Name string
	// Logger takes what happens to the connection. Default: nobody wants to know.
	Logger *slog.Logger
	// OnChange, where set, is told that the connection was made or lost.
	OnChange func()
}

// mostURLs bounds the servers of a cluster that are named.
const mostURLs = 32

// CheckURL tells what is wrong with a URL of [Options], without a word of it. secured
// says that there are Options.TLS.
func CheckURL(urls string, secured bool) error {
	parts := strings.Split(urls, ",")
	if len(parts) > mostURLs {
		return fmt.Errorf("has %d servers, want at most %d", len(parts), mostURLs)
	}
	for _, part := range parts {
		if err := checkOne(strings.TrimSpace(part), secured); err != nil {
			return err
		}
	}
	return nil
}

func checkOne(text string, secured bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "nats" && u.Scheme != "tls":
		return errors.New(`must be "nats://HOST:PORT" or "tls://HOST:PORT", with commas between several`)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("has something after HOST:PORT; a URL of NATS ends there")
	case u.User != nil && u.Scheme == "nats" && !secured && !loopback(u.Hostname()):
		return errors.New(`would send its password in plain text; write "tls://"`)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Validate returns what is wrong with the options.
func (o Options) Validate() error {
	if err := CheckURL(o.URL, o.TLS != nil); err != nil {
		return fmt.Errorf("events: the URL %w", err)
	}
	if o.Credentials == nil {
		return nil
	}
	for _, part := range []string{"BEGIN NATS USER JWT", "BEGIN USER NKEY SEED"} {
		if !bytes.Contains(o.Credentials, []byte(part)) {
			return fmt.Errorf("events: the credentials have no %q; nsc makes such files", part)
		}
	}
	return nil
}
