package overrides

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"

	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

const (
	mostBytes  = 64 << 10
	mostReason = 1024 // characters, as in a file
)

// body reads the members of a request's JSON object. A name that is not known, or given
// twice, is refused: what was meant by it would not be done.
func body(w http.ResponseWriter, r *http.Request, known ...string) (map[string]json.RawMessage, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, &Refusal{Status: http.StatusUnsupportedMediaType, Reason: "send application/json"}
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBytes))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &Refusal{Status: http.StatusRequestEntityTooLarge, Reason: fmt.Sprintf("the body has more than %d bytes", mostBytes)}
	}
	if err != nil {
		return nil, notUnderstood(err)
	}
	found, err := members(text)
	if err != nil {
		return nil, notUnderstood(err)
	}
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !slices.Contains(known, name) {
			faults = append(faults, fmt.Sprintf("%q is unknown; write %s", name, strings.Join(known, ", ")))
		}
	}
	return found, wrong(faults)
}

func notUnderstood(err error) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Reason: "the body is not understood: " + err.Error()}
}

// wrong refuses a request in which something is.
func wrong(faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	return &Refusal{Status: http.StatusBadRequest, Reason: "the request is wrong", Faults: faults}
}

// members returns those of one JSON object, by their exact names.
func members(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is no UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return nil, errors.Join(errors.New("it is no JSON object"), err)
	}
	found := map[string]json.RawMessage{}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string) // as every key of an object
		if _, again := found[name]; again {
			return nil, fmt.Errorf("%q is given twice", name)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		found[name] = value
	}
	if _, err := decoder.Token(); err != nil { // the brace
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one value")
	}
	return found, nil
}

// reader reads members and collects what is wrong with them.
type reader struct {
	members map[string]json.RawMessage
	faults  []string
}

func (r *reader) wrong(name, problem string) { r.faults = append(r.faults, name+": "+problem) }

// text returns a member that is a string; "" where there is none.
func (r *reader) text(name string) string {
	var text *string
	value, given := r.members[name]
	if !given {
		return ""
	}
	if err := json.Unmarshal(value, &text); err != nil || text == nil {
		r.wrong(name, "must be a string")
		return ""
	}
	return *text
}

// reason returns why.
func (r *reader) reason() string {
	reason := r.text("reason")
	switch {
	case strings.TrimSpace(reason) == "":
		r.wrong("reason", "say why, for those who read it later")
	case utf8.RuneCountInString(reason) > mostReason:
		r.wrong("reason", fmt.Sprintf("has more than %d characters", mostReason))
	}
	return reason
}

func (r *reader) policy() *policyv1.Policy {
	p := &policyv1.Policy{}
	value, given := r.members["policy"]
	if !given {
		r.wrong("policy", "say what it overrides")
		return p
	}
	if err := protojson.Unmarshal(value, p); err != nil {
		r.wrong("policy", plain(err))
	}
	return p
}

// plain is an error of protojson without its prefix, which ends with one space or another.
func plain(err error) string {
	return strings.TrimLeft(strings.TrimPrefix(err.Error(), "proto:"), " \u00a0")
}

// end returns until when: a time ("expires"), or a while from now on ("for").
func (r *reader) end(now time.Time) time.Time {
	text, lasts := r.text("expires"), r.text("for")
	var end time.Time
	var err error
	switch {
	case (text == "") == (lasts == ""):
		r.wrong("expires", `say until when: "expires": "2026-12-01T12:00:00Z", or "for": "15m"`)
		return end
	case text != "":
		if end, err = time.Parse(time.RFC3339, text); err != nil {
			r.wrong("expires", `must be a time such as "2026-12-01T12:00:00Z"`)
			return end
		}
	default:
		var d time.Duration
		if d, err = time.ParseDuration(lasts); err != nil {
			r.wrong("for", `must be a duration such as "15m"`)
			return end
		}
		end = now.Add(d)
	}
	if !end.After(now) || end.After(now.Add(Longest)) {
		r.wrong("expires", fmt.Sprintf("must lie ahead, and at most %d hours; what is to last longer belongs in the file", int(Longest.Hours())))
	}
	return end.UTC().Truncate(time.Millisecond)
}

// isDry reads the query. What is not known in it is refused: a dry run that was not
// understood would be a real one.
func isDry(query string) (bool, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return false, wrong([]string{"the query is not understood: " + err.Error()})
	}
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name != "dry_run" {
			faults = append(faults, fmt.Sprintf("the query parameter %q is unknown; there is dry_run", name))
		}
	}
	dry := values["dry_run"]
	if len(dry) > 1 || len(dry) == 1 && dry[0] != "true" && dry[0] != "false" {
		faults = append(faults, "the query parameter dry_run must be true or false")
	}
	return slices.Equal(dry, []string{"true"}), wrong(faults)
}
