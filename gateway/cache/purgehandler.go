package cache

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// The bounds of a request to [Store.PurgeHandler].
const (
	mostPurgeBytes = 64 << 10
	mostPurgeTags  = 256

	mostPurgeReason = 1024
)

// Purge is what an operator asks for.
type Purge struct {
	Tags   []string
	All    bool
	Reason string // "": none was given
}

// purgeRequest is the body of a request for a purge.
type purgeRequest struct {
	Tags   []string `json:"tags"`
	All    bool     `json:"all"`
	Reason string   `json:"reason"`
}

// PurgeHandler lets operators purge: a POST of {"tags": ["order:1"]} or
// {"all": true} as application/json, with a "reason" for people. It responds with a [Delivery]: 200 when every
// process has purged, 202 when some have not said so yet. It authenticates
// nobody, so it belongs on an address that only operators reach; that it asks for
// JSON keeps other sites' pages from using an operator's browser.
func (s *Store) PurgeHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "use POST", http.StatusMethodNotAllowed)
			return
		}
		request, status, err := s.readPurge(w, r)
		if err != nil {
			http.Error(w, err.Error(), status)
			return
		}
		if err := s.opts.mayPurge(r, request); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		var delivery Delivery
		if request.All {
			delivery = s.PurgeAll(r.Context())
		} else {
			delivery = s.PurgeEverywhere(r.Context(), request.Tags...)
		}
		status = http.StatusOK
		if !delivery.Complete() {
			status = http.StatusAccepted
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(delivery) // the client has gone, if anything
	})
}

// readPurge returns the status of an error beside it.
func (s *Store) readPurge(w http.ResponseWriter, r *http.Request) (p purgeRequest, status int, err error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return p, http.StatusUnsupportedMediaType, errors.New("send application/json")
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostPurgeBytes))
	decoder.DisallowUnknownFields()
	if err = decoder.Decode(&p); err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return p, http.StatusBadRequest, s.opts.purgeFits(p)
		}
		err = errors.New("there is more than one value")
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return p, http.StatusRequestEntityTooLarge, err
	}
	return p, http.StatusBadRequest, fmt.Errorf("the body is not understood: %w", err)
}

// mayPurge asks whoever wants to be asked.
func (o *Options) mayPurge(r *http.Request, p purgeRequest) error {
	if o.OnPurge == nil {
		return nil
	}
	return o.OnPurge(r, Purge(p))
}

func (o *Options) purgeFits(p purgeRequest) error {
	switch {
	case p.All == (len(p.Tags) > 0):
		return errors.New(`send either "tags" or "all": true`)
	case len(p.Reason) > mostPurgeReason:
		return fmt.Errorf("the reason has %d bytes, want at most %d", len(p.Reason), mostPurgeReason)
	case len(p.Tags) > mostPurgeTags:
		return fmt.Errorf("%d tags are too many: send at most %d", len(p.Tags), mostPurgeTags)
	}
	for _, tag := range p.Tags {
		if tag == "" || len(tag) > o.MaxTagBytes {
			return fmt.Errorf("a tag has %d bytes, want 1 to %d", len(tag), o.MaxTagBytes)
		}
	}
	return nil
}
