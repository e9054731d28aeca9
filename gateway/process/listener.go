package process

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/venta-hq/venta/gateway/listener"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// webServer is one of the process's addresses.
type webServer struct {
	*http.Server
	listener net.Listener
	url      string
	guard    *listener.Guard
	// certificate is what the next handshake shows. Nil: the address is plain.
	certificate *atomic.Pointer[tls.Certificate]
}

// listen takes an address at once, so that one that is in use stops the start.
// An error begins with the flag that sets the address.
func listen(flag, address string, cfg *configv1.Listener, certificate *tls.Certificate, log *slog.Logger) (*webServer, error) {
	guard, err := newGuard(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	s := &webServer{listener: guard.Listen(tcp), guard: guard, url: "http://" + tcp.Addr().String(), Server: &http.Server{
		ReadHeaderTimeout: cfg.GetReadHeaderTimeout().AsDuration(),
		ReadTimeout:       cfg.GetReadTimeout().AsDuration(),
		WriteTimeout:      cfg.GetWriteTimeout().AsDuration(),
		IdleTimeout:       cfg.GetIdleTimeout().AsDuration(),
		MaxHeaderBytes:    int(cfg.GetMaxHeaderBytes()),
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}
	if certificate != nil {
		s.secure(certificate)
	}
	return s, nil
}

// newGuard bounds what the clients of a listener hold.
func newGuard(cfg *configv1.Listener) (*listener.Guard, error) {
	rate := cfg.GetMinResponseRate()
	if rate == 0 {
		rate = -1 // any
	}
	return listener.New(listener.Options{
		MaxConnections:           int(cfg.GetMaxConnections()),
		MaxConnectionsPerAddress: int(cfg.GetMaxConnectionsPerAddress()),
		MinRate:                  rate,
		StallTimeout:             cfg.GetWriteStallTimeout().AsDuration(),
		MaxUnsentBytes:           cfg.GetMaxUnsentBytes(),
		HTTP2: listener.HTTP2{
			MaxConcurrentStreams:  int(cfg.GetHttp2().GetMaxConcurrentStreams()),
			MaxFrameBytes:         int(cfg.GetHttp2().GetMaxFrameBytes()),
			StreamWindowBytes:     int(cfg.GetHttp2().GetStreamWindowBytes()),
			ConnectionWindowBytes: int(cfg.GetHttp2().GetConnectionWindowBytes()),
		},
	})
}

// handle serves the address with a handler within the listener's bounds.
func (s *webServer) handle(handler http.Handler) {
	s.Handler = handler
	s.guard.Protect(s.Server)
}

// secure has the address served by TLS 1.2 or later.
func (s *webServer) secure(certificate *tls.Certificate) {
	s.certificate = &atomic.Pointer[tls.Certificate]{}
	s.certificate.Store(certificate)
	s.url = "https://" + s.listener.Addr().String()
	s.listener = tls.NewListener(s.listener, &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.certificate.Load(), nil
		},
	})
}

// serve takes requests until the server is shut down.
func (s *webServer) serve() error {
	if err := s.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
