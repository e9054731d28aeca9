package policy

import (
	"fmt"
	"strings"
)

// Advice is what an author may want to do about a policy that can be served. The
// plugin warns of it, and the gateway when it begins to serve.
type Advice struct {
	Problem string
	Remedy  string
}

// String returns the advice as one line.
func (a Advice) String() string { return a.Problem + "; " + a.Remedy }

// Unbounded is the advice for RPCs whose calls nothing ends, by their names.
func Unbounded(names []string, streaming bool) Advice {
	rpcs := enumerate(names)
	if streaming {
		return Advice{
			Problem: "no timeout holds for " + rpcs + ": a stream may be silent, and hold what it has, for ever",
			Remedy:  `write "timeout: {idle: \"1m\"}" on the RPC, with "mode: MODE_OFF" in it where that is meant`,
		}
	}
	return Advice{
		Problem: "no timeout holds for " + rpcs + ": a call lasts as long as the service likes and the client waits",
		Remedy:  `write "timeout: {duration: \"5s\"}" on the RPC, the service or the file, with "mode: MODE_OFF" in it where that is meant`,
	}
}

// mostListed is how many names a text holds.
const mostListed = 5

// enumerate returns the first of many names, and how many more there are.
func enumerate(names []string) string {
	text := strings.Join(names[:min(len(names), mostListed)], ", ")
	if more := len(names) - mostListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
