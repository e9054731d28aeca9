package apiversion_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/apiversion"
	"github.com/venta-hq/venta/gateway/policy"
)

var day = time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)

func TestHeaders(t *testing.T) {
	tests := []struct {
		name   string
		policy policy.Version
		want   http.Header
	}{
		{"deprecated", policy.Version{Deprecated: day}, http.Header{"Deprecation": {"@1790812800"}}},
		{"sunset", policy.Version{Deprecated: day, Sunset: day.AddDate(1, 0, 0)}, http.Header{
			"Deprecation": {"@1790812800"},
			"Sunset":      {"Fri, 01 Oct 2027 00:00:00 GMT"},
		}},
		{"links", policy.Version{Deprecated: day, Successor: "/v2/vendors/{id}", Link: "https://venta.example/v1"}, http.Header{
			"Deprecation": {"@1790812800"},
			"Link":        {`</v2/vendors/7>; rel="successor-version"`, `<https://venta.example/v1>; rel="deprecation"`},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := serve(t, test.policy, nil)
			if w.Code != http.StatusNoContent {
				t.Errorf("status %d", w.Code)
			}
			if diff := cmp.Diff(test.want, w.Header()); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAfterSunset(t *testing.T) {
	tests := []struct {
		name  string
		after policy.AfterSunset
		wait  time.Duration
		gone  bool
	}{
		{"before, gone", policy.GoneAfterSunset, 59 * time.Minute, false},
		{"at, gone", policy.GoneAfterSunset, time.Hour, true},
		{"after, gone", policy.GoneAfterSunset, 2 * time.Hour, true},
		{"after, serve", policy.ServeAfterSunset, 2 * time.Hour, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := policy.Version{Deprecated: time.Now(), Sunset: time.Now().Add(time.Hour), AfterSunset: test.after}
				time.Sleep(test.wait) // virtual
				var refused error
				serve(t, p, &refused)
				var own *apierror.Error
				if gone := errors.As(refused, &own) && own.HTTPStatus == http.StatusGone; gone != test.gone {
					t.Errorf("gone %v (%v), want %v", gone, refused, test.gone)
				}
			})
		})
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := apiversion.New(policy.Version{}, apiversion.Options{}); err == nil {
		t.Error("no error without OnError")
	}
	onError := func(http.ResponseWriter, *http.Request, error) {}
	if _, err := apiversion.New(policy.Version{Successor: "/v2"}, apiversion.Options{OnError: onError}); err == nil {
		t.Error("no error for a successor without a function")
	}
}

func serve(t *testing.T, p policy.Version, refused *error) *httptest.ResponseRecorder {
	t.Helper()
	middleware, err := apiversion.New(p, apiversion.Options{
		Successor: func(*http.Request) string { return "/v2/vendors/7" },
		OnError: func(_ http.ResponseWriter, _ *http.Request, err error) {
			if refused == nil {
				t.Fatal(err)
			}
			*refused = err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	middleware(next).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/vendors/7", nil))
	return w
}
