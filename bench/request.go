package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/venta-hq/venta/bench/internal/fixture"
	"github.com/venta-hq/venta/bench/internal/subject"
)

// response is a subject's response to a single request.
type response struct {
	status int
	header http.Header
	body   []byte
}

// client sends what the load generator does: it adds nothing to a request, such
// as Accept-Encoding.
var client = &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}

// body returns what the row sends.
func (r row) body() (string, error) {
	if r.send == nil {
		return "", nil
	}
	encoded, err := fixture.JSON(r.send)
	return string(encoded), err
}

// headers returns what the row's requests bear.
func (r row) headers(token string) http.Header {
	h := http.Header{}
	h.Set("Authorization", "Bearer "+token)
	if r.send != nil {
		h.Set("Content-Type", "application/json")
	}
	if r.encoding != "" {
		h.Set("Accept-Encoding", r.encoding)
	}
	return h
}

// do sends one request of the row.
func (r row) do(ctx context.Context, address string, header http.Header) (response, error) {
	body, err := r.body()
	if err != nil {
		return response{}, err
	}
	request, err := http.NewRequestWithContext(ctx, r.verb, "http://"+address+r.path, strings.NewReader(body))
	if err != nil {
		return response{}, err
	}
	request.Header = header
	received, err := client.Do(request)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = received.Body.Close() }() // it was only read
	content, err := io.ReadAll(received.Body)
	return response{status: received.StatusCode, header: received.Header, body: content}, err
}

// check holds a response to what the row is about.
func (r row) check(mode subject.Mode, got response) error {
	if mode == subject.Cached && !strings.Contains(got.header.Get("Cache-Status"), "; hit") {
		return fmt.Errorf("Cache-Status is %q and no hit", got.header.Get("Cache-Status"))
	}
	if mode == subject.Cached && r.conditional {
		if got.status != http.StatusNotModified || len(got.body) > 0 {
			return fmt.Errorf("status %d and %d bytes instead of 304", got.status, len(got.body))
		}
		return nil
	}
	if got.status != http.StatusOK {
		return fmt.Errorf("status %d: %.500s", got.status, got.body)
	}
	return r.checkBody(got)
}

func (r row) checkBody(received response) error {
	content, err := plain(received)
	if err != nil {
		return err
	}
	wanted, err := fixture.JSON(r.want)
	if err != nil {
		return err
	}
	var got, want any
	if err := json.Unmarshal(content, &got); err != nil {
		return fmt.Errorf("the response is not JSON: %w: %.500s", err, content)
	}
	if err := json.Unmarshal(wanted, &want); err != nil {
		return err
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("the response is not what the backend sent: %.500s", content)
	}
	return nil
}

// plain returns the body without its content coding.
func plain(got response) ([]byte, error) {
	switch encoding := got.header.Get("Content-Encoding"); encoding {
	case "":
		return got.body, nil
	case "gzip":
		reader, err := gzip.NewReader(bytes.NewReader(got.body))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(reader)
	case "zstd":
		reader, err := zstd.NewReader(bytes.NewReader(got.body), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		defer reader.Close()
		return io.ReadAll(reader)
	default:
		return nil, fmt.Errorf("Content-Encoding is %q", encoding)
	}
}
