package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Role is what somebody may do.
type Role string

// The roles. Who may operate may read.
const (
	// RoleRead reads.
	RoleRead Role = "read"
	// RoleOperate purges, overrides, profiles, and does what changes something.
	RoleOperate Role = "operate"

	roleNone Role = "" // anybody
)

// Operator is who asks.
type Operator struct {
	Name string
	Role Role
}

// may tells whether the operator's role is enough.
func (o Operator) may(needed Role) bool {
	return needed == roleNone || o.Role == RoleOperate || o.Role == needed
}

// Access says who may ask for what.
type Access struct {
	// Verify returns whose a bearer token is, or an error. It must return soon and be
	// safe for concurrent use. Nil: there are no tokens, and everybody may do
	// everything.
	Verify func(ctx context.Context, token string) (Operator, error)
	// Optional lets who shows no token do everything, as on an address that one
	// machine alone reaches. A token that is shown must be right in any case.
	Optional bool
	// OpenMetrics serves /metrics to everybody.
	OpenMetrics bool
	// Logger is told who did what with the role operate, and, at most once a second,
	// who was refused. Default: nobody is told.
	Logger *slog.Logger
}

// metrics is the role that /metrics needs.
func (a Access) metrics() Role {
	if a.OpenMetrics {
		return roleNone
	}
	return RoleRead
}

// local is whoever shows no token where none is needed.
var local = Operator{Name: "local", Role: RoleOperate}

type operatorKey struct{}

// OperatorFrom returns who sent a request to a handler of the address.
func OperatorFrom(ctx context.Context) Operator {
	o, _ := ctx.Value(operatorKey{}).(Operator)
	return o
}

// me tells who asks, so that a page offers nobody what is not theirs.
func me() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := OperatorFrom(r.Context())
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(struct { // a client that left is no fault
			Operator string `json:"operator"`
			Role     Role   `json:"role"`
		}{who.Name, who.Role})
	})
}

// keeper lets requests pass by role.
type keeper struct {
	Access
	refused atomic.Int64 // when a refusal was last logged
}

func newKeeper(a Access) *keeper {
	if a.Logger == nil {
		a.Logger = slog.New(slog.DiscardHandler)
	}
	return &keeper{Access: a}
}

// require serves who has the role.
func (k *keeper) require(role Role, next http.Handler) http.Handler {
	if role == roleNone {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, refusal := k.who(r)
		if refusal == nil && !who.may(role) {
			refusal = &denied{http.StatusForbidden, `Bearer realm="admin", error="insufficient_scope"`, fmt.Sprintf("this needs the role %s", role)}
		}
		if refusal != nil {
			k.refuse(w, r, who, refusal)
			return
		}
		if role == RoleOperate {
			k.Logger.Info("an operator acts", "operator", who.Name, "method", r.Method, "path", r.URL.Path, "client", r.RemoteAddr)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), operatorKey{}, who)))
	})
}

// requireBySafety serves who may read, and what can change something who may
// operate.
func (k *keeper) requireBySafety(next http.Handler) http.Handler {
	reads, operates := k.require(RoleRead, next), k.require(RoleOperate, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			reads.ServeHTTP(w, r)
			return
		}
		operates.ServeHTTP(w, r)
	})
}

// denied is why a request does not pass.
type denied struct {
	status    int
	challenge string
	message   string
}

// who returns who sends a request.
func (k *keeper) who(r *http.Request) (Operator, *denied) {
	if k.Verify == nil {
		return local, nil
	}
	shown := r.Header.Values("Authorization")
	if len(shown) == 0 && k.Optional {
		return local, nil
	}
	if len(shown) == 0 {
		return Operator{}, &denied{http.StatusUnauthorized, `Bearer realm="admin"`, "this needs a token: Authorization: Bearer TOKEN"}
	}
	wrong := &denied{http.StatusUnauthorized, `Bearer realm="admin", error="invalid_token"`, "the token is not known, or has expired"}
	scheme, token, found := strings.Cut(shown[0], " ")
	if len(shown) > 1 || !found || !strings.EqualFold(scheme, "Bearer") {
		return Operator{}, wrong
	}
	who, err := k.Verify(r.Context(), strings.TrimLeft(token, " "))
	if err != nil {
		return Operator{}, wrong
	}
	return who, nil
}

func (k *keeper) refuse(w http.ResponseWriter, r *http.Request, who Operator, why *denied) {
	w.Header().Set("WWW-Authenticate", why.challenge)
	refuse(w, r, why.message, why.status)
	now, last := time.Now().UnixNano(), k.refused.Load()
	if now-last < int64(time.Second) || !k.refused.CompareAndSwap(last, now) {
		return
	}
	k.Logger.Warn("a request to the admin address is refused", "operator", who.Name, "status", why.status,
		"method", r.Method, "path", r.URL.Path, "client", r.RemoteAddr)
}
