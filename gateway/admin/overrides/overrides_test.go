package overrides_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/admin/overrides"
)

// kept says of each proposal what it is told to.
type kept struct {
	err  error
	last overrides.Proposal
}

func (k *kept) All() ([]overrides.Override, error) { return nil, k.err }

func (k *kept) Try(p overrides.Proposal) ([]overrides.Change, error) { k.last = p; return nil, k.err }

func (k *kept) Add(_ *http.Request, p overrides.Proposal) (overrides.Override, []overrides.Change, error) {
	k.last = p
	return overrides.Override{ID: "m1"}, nil, k.err
}

func (k *kept) Remove(_ *http.Request, id, _, _ string) (overrides.Override, error) {
	return overrides.Override{ID: id}, k.err
}

func do(t *testing.T, k overrides.Keeper, verb, path, body string) (int, string) {
	t.Helper()
	handler, err := overrides.New(k)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(verb, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

const asked = `{"methods": "**", "policy": {"timeout": {"duration": "2s"}}, "reason": "why", "for": "15m"}`

// TestResponses holds the statuses and that a list that is empty is one.
func TestResponses(t *testing.T) {
	many := overrides.Refuse(http.StatusBadRequest, "refused", errors.New(strings.Repeat("fault\n", 150)+"fault"))
	for _, test := range []struct {
		err           error
		request, body string
		status        int
		want          string
	}{
		{nil, "GET /api/overrides", "", 200, `{"overrides":[],"yaml":""}`},
		{nil, "POST /api/overrides", asked, 201, `"changes":[]}`},
		{nil, "POST /api/overrides?dry_run=true", asked, 200, `{"changes":[]}`},
		{nil, "POST /api/overrides?dry_run=false", asked, 201, `"id":"m1"`},
		{nil, "DELETE /api/overrides/m1", `{"reason": "over"}`, 200, `"id":"m1"`},
		{nil, "DELETE /api/overrides/m1", `{}`, 400, `"faults":["reason: say why, for those who read it later"]`},
		{nil, "DELETE /api/overrides/m1", `{"reason": "over", "force": true}`, 400, `\"force\" is unknown`},
		{errors.New("broken"), "GET /api/overrides", "", 500, `{"error":"broken"}`},
		{errors.New("broken"), "POST /api/overrides", asked, 500, `{"error":"broken"}`},
		{many, "POST /api/overrides", asked, 400, `"and 51 more"]`},
		{&overrides.Refusal{Status: 409, Reason: "no"}, "DELETE /api/overrides/m1", `{"reason": "over"}`, 409, `{"error":"no"}`},
		{nil, "PUT /api/overrides", asked, 405, ""},
	} {
		verb, path, _ := strings.Cut(test.request, " ")
		if status, body := do(t, &kept{err: test.err}, verb, path, test.body); status != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s %s: %d %s", test.request, test.body, status, body)
		}
	}
	if _, err := overrides.New(nil); err == nil {
		t.Error("no keeper is taken")
	}
}

// TestEnds holds that both ways to say until when mean the same.
func TestEnds(t *testing.T) {
	k := &kept{}
	before := time.Now()
	for _, end := range []string{`"for": "15m"`, `"expires": "` + before.Add(15*time.Minute).Format(time.RFC3339Nano) + `"`} {
		if status, body := do(t, k, "POST", "/api/overrides", strings.Replace(asked, `"for": "15m"`, end, 1)); status != 201 {
			t.Fatalf("%d %s", status, body)
		}
		if got := k.last.Expires; got.Before(before.Add(15*time.Minute-time.Second)) || got.After(time.Now().Add(15*time.Minute)) || got.Location() != time.UTC {
			t.Errorf("%s is %v", end, got)
		}
		if k.last.Policy.GetTimeout().GetDuration() != "2s" || k.last.Reason != "why" || k.last.Methods != "**" {
			t.Errorf("%+v", k.last)
		}
	}
}
