package apiversion_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/apiversion"
	"github.com/venta-hq/venta/gateway/policy"
)

func TestShadow(t *testing.T) {
	tests := []struct {
		name  string
		after policy.AfterSunset
		wait  time.Duration
		want  []string
	}{
		{"before, gone", policy.GoneAfterSunset, 59 * time.Minute, nil},
		{"at, gone", policy.GoneAfterSunset, time.Hour, []string{apiversion.WouldGone}},
		{"after, serve", policy.ServeAfterSunset, 2 * time.Hour, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []string
				middleware, err := apiversion.New(policy.Version{
					Deprecated: time.Now(), Sunset: time.Now().Add(time.Hour), AfterSunset: test.after,
					Successor: "/v2/vendors/{id}", Link: "https://venta.example/v1", Shadow: true,
				}, apiversion.Options{
					Successor: func(*http.Request) string { return "/v2/vendors/7" },
					OnError:   func(http.ResponseWriter, *http.Request, error) { t.Error("refused") },
					OnShadow:  func(_ context.Context, would string) { told = append(told, would) },
				})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(test.wait) // virtual
				w := httptest.NewRecorder()
				next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
				middleware(next).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/vendors/7", nil))
				if w.Code != http.StatusNoContent || len(w.Header()) != 0 || !slices.Equal(told, test.want) {
					t.Errorf("status %d, headers %v, told %v", w.Code, w.Header(), told)
				}
			})
		})
	}
}
