package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/resolver"
)

// checkTarget checks the form of a target of gRPC, and returns its scheme; "" for
// HOST:PORT. Errors do not repeat the target.
func checkTarget(target string) (scheme string, err error) {
	scheme, rest, found := strings.Cut(target, ":")
	switch {
	case strings.ContainsAny(target, " \t\r\n"):
		return "", errors.New("must be a target without spaces")
	case found && slices.Contains([]string{"dns", "static", "xds", "passthrough"}, scheme):
		return scheme, checkEndpoints(scheme, rest)
	case found && (scheme == "unix" || scheme == "unix-abstract"):
		return scheme, checkSocket(rest)
	case found && resolver.Get(scheme) != nil:
		return scheme, nil // the program's own
	case strings.Contains(target, "://"):
		return "", fmt.Errorf("gRPC knows no %s://; write HOST:PORT, or dns:///HOST:PORT", shortened(scheme))
	default:
		return "", checkHostPort(target)
	}
}

// checkEndpoints checks what follows a scheme: "///ENDPOINT", "//AUTHORITY/ENDPOINT"
// or "ENDPOINT".
func checkEndpoints(scheme, rest string) error {
	endpoint := rest
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		_, endpoint, _ = strings.Cut(after, "/")
	}
	if endpoint == "" {
		return fmt.Errorf("names nothing; write %s:///NAME", scheme)
	}
	switch scheme {
	case "dns":
		return checkHostPort(endpoint)
	case "static":
		return checkAddresses(endpoint)
	default:
		return nil
	}
}

func checkAddresses(list string) error {
	addresses := strings.Split(list, ",")
	for i, address := range addresses {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" || strings.HasPrefix(address, ":") {
			return errors.New("must list HOST:PORT,HOST:PORT after static:///")
		}
		if slices.Contains(addresses[:i], address) {
			return errors.New("lists an address twice; keep one of the two")
		}
	}
	return nil
}

func checkSocket(rest string) error {
	if after, ok := strings.CutPrefix(rest, "//"); ok && !strings.HasPrefix(after, "/") {
		return errors.New("must be unix:///PATH for an absolute path, or unix:PATH")
	}
	if strings.Trim(rest, "/") == "" {
		return errors.New("names no socket; write unix:///PATH")
	}
	return nil
}

// checkHostPort takes what gRPC's dns takes: the port may be left out, and is 443.
func checkHostPort(text string) error {
	host := text
	if _, err := netip.ParseAddr(text); err != nil && strings.Contains(text, ":") {
		var port string
		if host, port, err = net.SplitHostPort(text); err != nil {
			return errors.New("must be HOST:PORT")
		}
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errors.New("must be HOST:PORT, with a port from 1 to 65535")
		}
	}
	if host == "" || strings.Contains(host, "/") {
		return errors.New("must be HOST:PORT")
	}
	return nil
}
