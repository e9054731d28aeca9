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

// answer is what a subject says to a single request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// client asks as the load generator does: what the request does not name, such
// as compression, is not asked for.
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

func (r row) ask(ctx context.Context, address string, header http.Header) (answer, error) {
	body, err := r.body()
	if err != nil {
		return answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, r.verb, "http://"+address+r.path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header = header
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	content, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: content}, err
}

// check holds an answer to what the row is about.
func (r row) check(mode subject.Mode, a answer) error {
	if mode == subject.Cached && !strings.Contains(a.header.Get("Cache-Status"), "; hit") {
		return fmt.Errorf("Cache-Status is %q and no hit", a.header.Get("Cache-Status"))
	}
	if mode == subject.Cached && r.conditional {
		if a.status != http.StatusNotModified || len(a.body) > 0 {
			return fmt.Errorf("answered with %d and %d bytes instead of 304", a.status, len(a.body))
		}
		return nil
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("answered with %d: %.500s", a.status, a.body)
	}
	return r.checkBody(a)
}

func (r row) checkBody(a answer) error {
	content, err := plain(a)
	if err != nil {
		return err
	}
	wanted, err := fixture.JSON(r.want)
	if err != nil {
		return err
	}
	var got, want any
	if err := json.Unmarshal(content, &got); err != nil {
		return fmt.Errorf("the answer is not JSON: %w: %.500s", err, content)
	}
	if err := json.Unmarshal(wanted, &want); err != nil {
		return err
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("the answer is not what the backend said: %.500s", content)
	}
	return nil
}

// plain returns the body without its content coding.
func plain(a answer) ([]byte, error) {
	switch encoding := a.header.Get("Content-Encoding"); encoding {
	case "":
		return a.body, nil
	case "gzip":
		reader, err := gzip.NewReader(bytes.NewReader(a.body))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(reader)
	case "zstd":
		reader, err := zstd.NewReader(bytes.NewReader(a.body), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		defer reader.Close()
		return io.ReadAll(reader)
	default:
		return nil, fmt.Errorf("Content-Encoding is %q", encoding)
	}
}
