package compression_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"

	"github.com/venta-hq/venta/gateway/compression"
)

// TestBREACH holds that no secret is compressed beside what an attacker chose,
// where the attacker can have a browser ask for it.
func TestBREACH(t *testing.T) {
	const (
		plain   = compression.CredentialedPlain
		origin  = compression.CredentialedSameOrigin
		private = compression.CredentialedUnlessPrivate
	)
	cookie := []string{"Cookie", "session=s3cr3t"}
	tests := []struct {
		name     string
		mode     compression.Credentialed
		request  []string
		response []string
		want     bool
	}{
		{"anonymous", plain, nil, nil, true},
		{"bearer", plain, []string{"Authorization", "Bearer t"}, []string{"Cache-Control", "private, no-store"}, true},
		{"bearer in capitals", plain, []string{"Authorization", "BEARER t"}, nil, true},
		{"dpop", plain, []string{"Authorization", "DPoP t"}, nil, true},
		{"api key", plain, []string{"X-Api-Key", "k"}, nil, true},
		{"cookie", plain, cookie, nil, false},
		{"cookie and bearer", plain, append([]string{"Authorization", "Bearer t"}, cookie...), nil, false},
		{"cookie, own origin says the browser", plain, append([]string{"Sec-Fetch-Site", "same-origin"}, cookie...), nil, false},
		{"cookie, public", plain, cookie, []string{"Cache-Control", "public"}, false},
		{"basic", plain, []string{"Authorization", "Basic dTpw"}, nil, false},
		{"negotiate", plain, []string{"Authorization", "Negotiate x"}, nil, false},
		{"unknown scheme", plain, []string{"Authorization", "Bearerish x"}, nil, false},
		{"second line", plain, []string{"Authorization", "Bearer t", "Authorization", "Basic dTpw"}, nil, false},
		{"set-cookie", plain, nil, []string{"Set-Cookie", "session=new"}, false},
		{"set-cookie, raw", plain, nil, []string{"set-cookie", "session=new"}, false},

		{"anonymous", origin, nil, nil, true},
		{"same origin", origin, append([]string{"Sec-Fetch-Site", "same-origin"}, cookie...), []string{"Cache-Control", "private"}, true},
		{"same site", origin, append([]string{"Sec-Fetch-Site", "same-site"}, cookie...), nil, false},
		{"cross site", origin, append([]string{"Sec-Fetch-Site", "cross-site"}, cookie...), nil, false},
		{"browser says nothing", origin, cookie, nil, false},
		{"said twice", origin, append([]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Site", "same-origin"}, cookie...), nil, false},
		{"set-cookie", origin, append([]string{"Sec-Fetch-Site", "same-origin"}, cookie...), []string{"Set-Cookie", "a=b"}, false},

		{"cookie", private, cookie, nil, true},
		{"cookie, public", private, cookie, []string{"Cache-Control", "public, max-age=60"}, true},
		{"cookie, private", private, cookie, []string{"Cache-Control", "max-age=60, Private"}, false},
		{"cookie, private fields", private, cookie, []string{"Cache-Control", `private="X-Name"`}, false},
		{"cookie, no-store", private, cookie, []string{"Cache-Control", "no-store"}, false},
		{"basic, no-store", private, []string{"Authorization", "Basic dTpw"}, []string{"Cache-Control", "no-store"}, false},
		{"bearer, no-store", private, []string{"Authorization", "Bearer t"}, []string{"Cache-Control", "no-store"}, true},
		{"set-cookie", private, nil, []string{"Set-Cookie", "a=b"}, false},
	}
	body := list(3000)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := wrap(t, compression.Options{Credentialed: tt.mode}, func(w http.ResponseWriter, r *http.Request) {
				for i := 0; i < len(tt.response); i += 2 {
					w.Header()[tt.response[i]] = []string{tt.response[i+1]}
				}
				serves(body)(w, r)
			})
			response := get(h, append([]string{accept, "gzip"}, tt.request...)...)
			expectHeader(t, response, "Vary", accept) // another request gets it compressed
			want := ""
			if tt.want {
				want = "gzip"
			}
			expect(t, response, want, body)
		})
	}
}

func TestBREACHByClientCertificate(t *testing.T) {
	body := list(3000)
	h := wrap(t, compression.Options{}, serves(body))
	r := request(http.MethodGet, "https://example.com/", accept, "gzip")
	expect(t, do(h, r), "gzip", body)
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}
	expect(t, do(h, r), "", body)
}
