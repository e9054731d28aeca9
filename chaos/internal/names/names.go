// Package names is a name server on loopback, by which a gateway finds several
// backends under one name as it does in production.
package names

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	maxBytes   = 512 // of a message over UDP (RFC 1035, section 4.2.1)
	ttlSeconds = 1
)

// Server answers DNS queries for the IPv4 addresses of names. It is safe for
// concurrent use.
type Server struct {
	conn net.PacketConn
	done chan struct{}

	mu    sync.Mutex
	hosts map[string][]netip.Addr // by name, in lower case with a dot at its end
}

// Start serves on a free port. End it with [Server.Close].
func Start() (*Server, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("name server: %w", err)
	}
	s := &Server{conn: conn, done: make(chan struct{}), hosts: map[string][]netip.Addr{}}
	go s.serve()
	return s, nil
}

// Address is where the server takes queries, by UDP.
func (s *Server) Address() string { return s.conn.LocalAddr().String() }

// Set gives a name its addresses, in place of those that it had.
func (s *Server) Set(name string, addresses ...netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts[strings.ToLower(name)+"."] = addresses
}

// Close ends the server and waits for that.
func (s *Server) Close() error {
	err := s.conn.Close()
	<-s.done
	return err
}

func (s *Server) serve() {
	defer close(s.done)
	query := make([]byte, maxBytes)
	for {
		n, from, err := s.conn.ReadFrom(query)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if response, err := s.respond(query[:n]); err == nil {
			_, _ = s.conn.WriteTo(response, from) // a client whose response is lost repeats its query
		}
	}
}

// respond returns the response to a query of one question.
func (s *Server) respond(query []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	addresses, known := s.find(question)
	response := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: header.ID, Response: true, Authoritative: true,
			RecursionDesired: header.RecursionDesired, RecursionAvailable: true,
		},
		Questions: []dnsmessage.Question{question},
	}
	if !known {
		response.RCode = dnsmessage.RCodeNameError
	}
	for _, address := range addresses {
		response.Answers = append(response.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: ttlSeconds},
			Body:   &dnsmessage.AResource{A: address.As4()},
		})
	}
	return response.Pack()
}

// find returns the addresses that a question is about, and whether its name is
// known. A name has nothing but IPv4 addresses.
func (s *Server) find(q dnsmessage.Question) ([]netip.Addr, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	addresses, known := s.hosts[strings.ToLower(q.Name.String())]
	if q.Type != dnsmessage.TypeA {
		return nil, known
	}
	return addresses, known
}
