package attack

import (
	"context"
	"fmt"
	"strings"

	"github.com/venta-hq/venta/chaos/internal/stage"
)

// evil is what a client chose, and nobody else may see.
const evil = "evil.example"

// travelling are the attacks on what reaches the upstream: what a client chose
// must not be in the response to another.
func travelling() []Attack {
	var all []Attack
	for _, field := range []string{
		"X-Forwarded-Host: " + evil,
		"X-Forwarded-For: " + evil,
		"X-Forwarded-Proto: " + evil,
		"Forwarded: host=" + evil,
		"X-Real-Ip: " + evil,
		"Traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
		"Tracestate: evil=" + evil,
		"Baggage: evil=" + evil,
		"Accept-Language: " + evil,
		"Cookie: evil=" + evil,
		"User-Agent: " + evil,
		"Referer: https://" + evil,
		"Grpc-Metadata-Tenant: " + evil,
	} {
		all = append(all, poison(field), join(field))
	}
	all = append(all, Attack{
		Part: "upstream", Name: "X-Forwarded-For, where the upstream varies on it", Expected: clean, Short: true,
		run: func(ctx context.Context, t *target) (string, error) {
			return t.poison(ctx, "/v2/vendors/"+varying+"1", "X-Forwarded-For: "+evil)
		},
	})
	for _, name := range []string{
		"Connection", "Transfer-Encoding", "Upgrade", "Keep-Alive", "Trailer", "Te", "Proxy-Connection", "Content-Length", "Host",
		"X-User-Id", "X-Real-Ip", "Forwarded", "X-Forwarded-For", "X-Api-Key", "Authorization", "Cookie", "X-Venta-Subject",
		"Traceparent", "X-Request-Id", "Grpc-Timeout",
	} {
		all = append(all, reserved(name))
	}
	return append(all, many(17, 1), many(2, 4<<10))
}

// What came of a client that chose something.
const (
	clean   = "the next client's response is its own"
	kept    = "it does not travel"
	refused = "431 HEADERS_TOO_LARGE"
)

// poison sends a field, then the same request without it.
func poison(field string) Attack {
	name, _, _ := strings.Cut(field, ":")
	return Attack{
		Part: "upstream", Name: name + ", then a client without it", Expected: clean, Short: true,
		run: func(ctx context.Context, t *target) (string, error) {
			return t.poison(ctx, "/v2/vendors/1", field)
		},
	}
}

func (t *target) poison(ctx context.Context, path, field string) (string, error) {
	if _, err := t.get(ctx, path, field); err != nil {
		return "", err
	}
	second, err := t.get(ctx, path)
	return verdict(second, field), err
}

// join sends a field, and while its call is under way the same request without
// it.
func join(field string) Attack {
	name, _, _ := strings.Cut(field, ":")
	return Attack{
		Part: "upstream", Name: name + ", while a client without it waits", Expected: clean,
		run: func(ctx context.Context, t *target) (string, error) {
			leader := make(chan error, 1)
			go func() {
				_, err := t.get(ctx, "/v2/vendors/"+slow+"1", field)
				leader <- err
			}()
			if err := stage.Sleep(ctx, slowness/2); err != nil {
				return "", err
			}
			second, err := t.get(ctx, "/v2/vendors/"+slow+"1")
			if err := <-leader; err != nil {
				return "", err
			}
			return verdict(second, field), err
		},
	}
}

// verdict tells whether a response was made for a request with a field.
func verdict(a answer, field string) string {
	_, value, _ := strings.Cut(field, ": ")
	if len(value) == len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01") {
		value = value[3:35] // the trace's id
	}
	switch {
	case a.status != 200 || a.metadata() == "":
		return a.said()
	case strings.Contains(a.body, value):
		return "the next client's response holds " + value
	default:
		return clean
	}
}

// reserved sends metadata of a name that a client must not set.
func reserved(name string) Attack {
	return Attack{
		Part: "upstream", Name: "Grpc-Metadata-" + name, Expected: kept, Short: true,
		run: func(ctx context.Context, t *target) (string, error) {
			a, err := t.get(ctx, "/v2/vendors/1", "Grpc-Metadata-"+name+": "+evil)
			switch {
			case err != nil:
				return "", err
			case a.status != 200 || a.metadata() == "":
				return a.said(), nil
			case strings.Contains(a.body, evil):
				return "it travels", nil
			default:
				return kept, nil
			}
		},
	}
}

// many sends n fields of a size.
func many(n, size int) Attack {
	return Attack{
		Part: "upstream", Name: fmt.Sprintf("%d fields Grpc-Metadata- of %d bytes", n, size), Expected: refused, Short: true,
		run: func(ctx context.Context, t *target) (string, error) {
			fields := make([]string, n)
			for i := range fields {
				fields[i] = fmt.Sprintf("Grpc-Metadata-K%d: %s", i, strings.Repeat("a", size))
			}
			a, err := t.get(ctx, "/v2/vendors/1", fields...)
			return a.said(), err
		},
	}
}
