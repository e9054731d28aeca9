package upstream

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue returns a certificate for a name, which is also its host, and its key.
func (a *authority) issue(name string) (cert, key []byte) {
	a.t.Helper()
	private := newKey(a.t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, private.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// mutual starts a backend on loopback that asks for certificates of the authority
// and keeps the name on the last one.
func (a *authority) mutual(host string, most uint16) (address string, client func() string) {
	a.t.Helper()
	cert, key := a.issue(host)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		a.t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(a.cert)
	b := newBackend("secure", grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert, MaxVersion: most,
		MinVersion: tls.VersionTLS10,
	})))
	seen := make(chan string, 1)
	b.behave(func(ctx context.Context) error {
		p, _ := peer.FromContext(ctx)
		seen <- p.AuthInfo.(credentials.TLSInfo).State.PeerCertificates[0].Subject.CommonName
		return nil
	})
	return serve(a.t, b, "127.0.0.1:0"), func() string { return <-seen }
}

// serve runs a backend on loopback and returns its address.
func serve(t *testing.T, b *backend, on string) string {
	t.Helper()
	listener, err := net.Listen("tcp", on)
	for errors.Is(err, syscall.EADDRINUSE) { // by a connection of a client that tries the port
		runtime.Gosched()
		listener, err = net.Listen("tcp", on)
	}
	if err != nil {
		t.Fatal(err)
	}
	go b.server.Serve(listener) // it ends with Stop
	t.Cleanup(b.server.Stop)
	return listener.Addr().String()
}

// material is the files of a TLS.
type material struct {
	t   *testing.T
	dir string
}

func (m material) write(name string, text []byte) string {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		m.t.Fatal(err)
	}
	return path
}

func (m material) identity(a *authority, name string) (certFile, keyFile string) {
	cert, key := a.issue(name)
	return m.write("client.pem", cert), m.write("client.key", key)
}

// open dials for one call and closes, so that the next one shakes hands anew.
func secureCall(t *testing.T, address string, o Options) error {
	t.Helper()
	conn, err := New(address, o)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() // it has no calls left
	_, err = call(t.Context(), conn)
	return err
}

func TestMutualTLS(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	address, client := a.mutual("service.test", 0)
	files := material{t, t.TempDir()}
	certFile, keyFile := files.identity(a, "gateway one")
	good := TLS{CAFile: files.write("ca.pem", a.pem), CertFile: certFile, KeyFile: keyFile, ServerName: "service.test"}
	if err := secureCall(t, address, Options{TLS: &good}); err != nil {
		t.Fatal(err)
	}
	if got := client(); got != "gateway one" {
		t.Errorf("the upstream saw the certificate of %q", got)
	}
	for name, spoil := range map[string]func(*TLS){
		"another authority":     func(o *TLS) { o.CAFile = files.write("other.pem", other.pem) },
		"the system's":          func(o *TLS) { o.CAFile = "" },
		"another name":          func(o *TLS) { o.ServerName = "elsewhere.test" },
		"the target's own name": func(o *TLS) { o.ServerName = "" },
		"no certificate":        func(o *TLS) { o.CertFile, o.KeyFile = "", "" },
	} {
		bad := good
		spoil(&bad)
		if err := secureCall(t, address, Options{TLS: &bad}); status.Code(err) != codes.Unavailable {
			t.Errorf("with %s: %v, want UNAVAILABLE", name, err)
		}
	}
	if err := secureCall(t, address, Options{}); status.Code(err) != codes.Unavailable {
		t.Errorf("in plain text: %v, want UNAVAILABLE", err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	a := newAuthority(t)
	files := material{t, t.TempDir()}
	certFile, keyFile := files.identity(a, "gateway")
	o := TLS{CAFile: files.write("ca.pem", a.pem), CertFile: certFile, KeyFile: keyFile, ServerName: "service.test"}
	config, err := o.config(pemFiles{ca: a.pem})
	if err == nil {
		t.Errorf("a certificate without its key: %+v", config)
	}
	if config, err = (TLS{}).config(pemFiles{}); err != nil || config.MinVersion != tls.VersionTLS12 {
		t.Errorf("config %+v, %v; want TLS 1.2 at least", config, err)
	}
	for version, want := range map[uint16]codes.Code{tls.VersionTLS11: codes.Unavailable, tls.VersionTLS12: codes.OK} {
		address, client := a.mutual("service.test", version)
		if err := secureCall(t, address, Options{TLS: &o}); status.Code(err) != want {
			t.Errorf("%s: %v, want %v", tls.VersionName(version), err, want)
		}
		if want == codes.OK {
			client()
		}
	}
}

func TestRotatedFilesAreUsed(t *testing.T) {
	first, second := newAuthority(t), newAuthority(t)
	files := material{t, t.TempDir()}
	var log bytes.Buffer
	certFile, keyFile := files.identity(first, "gateway one")
	caFile := files.write("ca.pem", first.pem)
	secured, err := newCredentials(TLS{
		CAFile: caFile, CertFile: certFile, KeyFile: keyFile, ServerName: "service.test",
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if secured.Info().SecurityProtocol != "tls" || secured.Clone() != secured {
		t.Errorf("credentials of %+v", secured.Info())
	}
	dial := grpc.WithTransportCredentials(secured)
	old, oldClient := first.mutual("service.test", 0)
	renewed, renewedClient := second.mutual("service.test", 0)
	expect := func(address string, client func() string, want, logged string) {
		t.Helper()
		if err := secureCall(t, address, Options{DialOptions: []grpc.DialOption{dial}}); err != nil {
			t.Fatal(err)
		}
		if got := client(); got != want {
			t.Errorf("the upstream saw %q, want %q", got, want)
		}
		if got := log.String(); strings.Contains(got, "level=WARN") != (logged != "") || !strings.Contains(got, logged) {
			t.Errorf("log %q, want %q", got, logged)
		}
		log.Reset()
	}
	expect(old, oldClient, "gateway one", "")
	files.identity(first, "gateway two")
	expect(old, oldClient, "gateway two", "")
	expect(old, oldClient, "gateway two", "")

	cert, key := second.issue("gateway three")
	files.write("client.pem", cert) // half of a rotation
	expect(old, oldClient, "gateway two", "private key does not match")
	files.write("client.key", key)
	files.write("ca.pem", []byte("no PEM"))
	expect(old, oldClient, "gateway two", "holds no certificate")
	if err := os.Remove(caFile); err != nil {
		t.Fatal(err)
	}
	expect(old, oldClient, "gateway two", "no such file")
	files.write("ca.pem", second.pem)
	expect(renewed, renewedClient, "gateway three", "")
}

func TestFilesOfNoUse(t *testing.T) {
	a := newAuthority(t)
	files := material{t, t.TempDir()}
	certFile, keyFile := files.identity(a, "gateway")
	text := files.write("text.pem", []byte("text"))
	for want, o := range map[string]TLS{
		"text.pem holds no certificate": {CAFile: text},
		"failed to find any PEM data":   {CertFile: text, KeyFile: keyFile},
		"rather than a key":             {CertFile: certFile, KeyFile: certFile},
	} {
		if _, err := newCredentials(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want an error of %q", o, err, want)
		}
	}
}
