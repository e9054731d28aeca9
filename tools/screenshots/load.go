package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// most is how many requests a client sends at most.
const most = 10_000

// load sends requests as a few dozen clients would, until the returned function is
// called: each from an address of its own, more and less of them as time goes on.
func (s *system) load(ctx context.Context) (end func(), err error) {
	vendors, err := s.vendors(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() { s.client(ctx, i, vendors) })
	}
	return func() { cancel(); all.Wait() }, nil
}

// client reads the list and vendors, and its own; each tenth says where a vendor is.
func (s *system) client(ctx context.Context, i int, vendors []string) {
	began := time.Now()
	for n := 0; n < most && ctx.Err() == nil; n++ {
		from := fmt.Sprintf("127.1.%d.%d", i, 1+n/12%250)
		vendor := vendors[(i+n)%len(vendors)]
		switch n % 5 {
		case 0, 1:
			s.send(ctx, from, http.MethodGet, "/v2/vendors/"+vendor, "")
		case 2:
			s.send(ctx, from, http.MethodGet, "/v2/vendors", "")
		case 3:
			s.send(ctx, from, http.MethodGet, "/v1/users/me/vendors", "")
		case 4:
			s.rare(ctx, from, i, vendor)
		}
		busy := 1 + 0.6*math.Sin(time.Since(began).Seconds()/35+float64(i)/20)
		pause := time.NewTimer(time.Duration(float64(700*time.Millisecond) / busy))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
}

// rare is what only some clients do. One asks too often.
func (s *system) rare(ctx context.Context, from string, i int, vendor string) {
	switch i % 10 {
	case 0:
		s.send(ctx, from, http.MethodPost, "/v1/locations/"+vendor, `{"lat": 19.43, "lng": -99.13}`)
	case 1:
		s.send(ctx, from, http.MethodGet, "/v1/vendors/"+vendor, "")
	case 2:
		s.send(ctx, from, http.MethodGet, "/v2/vendors/5f0f2f54-6d0c-4c1e-9d0a-0f0f0f0f0f0f", "")
	case 3:
		for range 6 {
			s.send(ctx, "127.2.0.1", http.MethodGet, "/v2/vendors/"+vendor, "")
		}
	default:
		s.send(ctx, from, http.MethodGet, "/v1/locations?sw.lat=19&sw.lng=-100&ne.lat=20&ne.lng=-99", "")
	}
}

// vendors makes some.
func (s *system) vendors(ctx context.Context) ([]string, error) {
	var ids []string
	for i := range 8 {
		location := s.send(ctx, fmt.Sprintf("127.3.0.%d", 1+i), http.MethodPost, "/v2/vendors", fmt.Sprintf(`{"name":"Tacos %d","email":"t%d@example.com"}`, i, i))
		id := location[strings.LastIndex(location, "/")+1:]
		if id == "" {
			return nil, errors.New("no vendor can be made")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// send makes a request from an address, and returns the Location of its response. What
// else it meets is no concern of the pictures.
func (s *system) send(ctx context.Context, from, verb, path, body string) (location string) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, verb, s.base+path, strings.NewReader(body))
	if err != nil {
		return ""
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Header.Get("Location")
}
