package admin

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// An address of one machine asks nobody for a token: it relies on who can reach it.
// An operator's browser can, and it runs pages of everybody.

// ownHosts refuses requests to a name that is not the address's own. A page whose
// name leads here in DNS (rebinding) is of one origin with the address to its
// browser, but it has to call the address by that name. An IP address in its place
// was looked up nowhere.
func ownHosts(names []string, next http.Handler) http.Handler {
	own := make([]string, len(names))
	for i, name := range names {
		own[i] = canonical(name)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := hostOf(r.Host); isLocal(name) || slices.Contains(own, name) {
			next.ServeHTTP(w, r)
			return
		}
		refuse(w, r, "this host is no name of the admin address; use its IP address, or list the name in admin_hosts", http.StatusMisdirectedRequest)
	})
}

// hostOf returns the name in a Host field, without its port.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return canonical(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
}

func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// isLocal tells whether nobody else's DNS can say where a name leads. A probe of
// HTTP/1.0 names none, and every browser does.
func isLocal(name string) bool {
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761, section 6.3
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// sameOrigin refuses what a page of another origin has a browser change here.
func sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, "a page of another origin changes nothing here", http.StatusForbidden)
	}))
	return protection.Handler(next)
}

// sameSite refuses what a page of another origin has a browser only read here, too:
// the page cannot see it, but it costs the process.
func sameSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
		foreign := site != "" && site != "same-origin" && site != "none" ||
			site == "" && origin != "" && !ofHost(origin, r.Host)
		if foreign {
			http.Error(w, "a page of another origin gets nothing here", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse says why a request is refused: as JSON where everything is, else as text.
func refuse(w http.ResponseWriter, r *http.Request, message string, status int) {
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		http.Error(w, message, status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message}) // a client that left is no fault
}

// ofHost tells whether an origin is that of the host which is asked.
func ofHost(origin, host string) bool {
	from, err := url.Parse(origin)
	return err == nil && from.Host == host
}
