package upstream

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"google.golang.org/grpc/credentials"
)

// TLS secures the connections to an upstream, with TLS 1.2 at least. The files
// are read again for each new connection, so that a rotated certificate needs no
// restart; while they cannot be read, or do not fit each other, the last ones
// that did stay in use and each handshake logs a warning.
type TLS struct {
	// CAFile holds the certificates (PEM) of those who may sign the upstream's.
	// Default: the system's.
	CAFile string
	// CertFile and KeyFile (PEM) are what the gateway shows to an upstream that
	// asks for it (mutual TLS). Both or neither.
	CertFile, KeyFile string
	// ServerName is the name that the upstream's certificate must hold. Default:
	// the host of the target.
	ServerName string
	// Logger hears of files that could not be loaded. Default slog.Default().
	Logger *slog.Logger
}

// pemFiles is what the files of a TLS hold.
type pemFiles struct{ ca, cert, key []byte }

func (p pemFiles) equal(q pemFiles) bool {
	return bytes.Equal(p.ca, q.ca) && bytes.Equal(p.cert, q.cert) && bytes.Equal(p.key, q.key)
}

// read reads the files that are named.
func (t TLS) read() (p pemFiles, err error) {
	for _, file := range []struct {
		name string
		into *[]byte
	}{{t.CAFile, &p.ca}, {t.CertFile, &p.cert}, {t.KeyFile, &p.key}} {
		if file.name == "" {
			continue
		}
		if *file.into, err = os.ReadFile(file.name); err != nil {
			return pemFiles{}, fmt.Errorf("tls: %w", err)
		}
	}
	return p, nil
}

// config returns the settings for what the files hold.
func (t TLS) config(p pemFiles) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(p.ca) {
			return nil, fmt.Errorf("tls: %s holds no certificate", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.X509KeyPair(p.cert, p.key)
		if err != nil {
			return nil, fmt.Errorf("tls: %s and %s: %w", t.CertFile, t.KeyFile, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// reloading are credentials that follow their files. The embedded ones are those
// of the first load, which give what never changes.
type reloading struct {
	credentials.TransportCredentials
	tls TLS

	mu      sync.Mutex
	files   pemFiles
	current credentials.TransportCredentials
}

// newCredentials loads the files for the first time.
func newCredentials(t TLS) (credentials.TransportCredentials, error) {
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, errors.New("tls: CertFile and KeyFile need each other")
	}
	t.Logger = cmp.Or(t.Logger, slog.Default())
	r := &reloading{tls: t}
	if err := r.load(); err != nil {
		return nil, err
	}
	r.TransportCredentials = r.current
	return r, nil
}

// ClientHandshake secures a connection with what the files hold now.
func (r *reloading) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	r.mu.Lock()
	if err := r.load(); err != nil {
		r.tls.Logger.WarnContext(ctx, "the files of an upstream's TLS cannot be loaded; the last ones stay in use",
			"error", err, "authority", authority)
	}
	current := r.current
	r.mu.Unlock()
	return current.ClientHandshake(ctx, authority, raw)
}

// Clone returns r itself: it has no state that its users could change.
func (r *reloading) Clone() credentials.TransportCredentials { return r }

// load takes what the files hold now, where that has changed. The lock is held.
func (r *reloading) load() error {
	files, err := r.tls.read()
	if err != nil {
		return err
	}
	if r.current != nil && files.equal(r.files) {
		return nil
	}
	config, err := r.tls.config(files)
	if err != nil {
		return err
	}
	r.files, r.current = files, credentials.NewTLS(config)
	return nil
}
