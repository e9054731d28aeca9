package stage

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"
)

// certificate is what a stage's gateways show by TLS.
type certificate struct{ chain, key string } // files

// TLS returns the block tls of a listener, as YAML in flow style, and how a client
// trusts it.
func (s *Stage) TLS() (block string, client *tls.Config, err error) {
	files := certificate{s.file("tls.pem"), s.file("tls.key")}
	pool, err := files.write()
	if err != nil {
		return "", nil, err
	}
	return "{cert_file: " + files.chain + ", key_file: " + files.key + "}", &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}, nil
}

func (c certificate) write() (*x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	shown := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	chain, err := x509.CreateCertificate(rand.Reader, shown, shown, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain})
	if err := os.WriteFile(c.chain, encoded, 0o600); err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(encoded)
	return pool, os.WriteFile(c.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
}
