package policy

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
)

// faults collects what is wrong.
type faults []Fault

func (f *faults) add(path, problem, remedy string) {
	*f = append(*f, Fault{Path: path, Problem: problem, Remedy: remedy})
}

// number checks that lowest <= value <= highest.
func (f *faults) number(path string, value, lowest, highest int64) {
	if value < lowest || value > highest {
		f.add(path, fmt.Sprintf("%d is out of limits", value), fmt.Sprintf("write a number from %d to %d", lowest, highest))
	}
}

// duration checks that lowest <= value <= highest.
func (f *faults) duration(path string, value, lowest, highest time.Duration) {
	if value < lowest || value > highest {
		f.add(path, short(value)+" is out of limits",
			fmt.Sprintf("write a duration from %s to %s", short(lowest), short(highest)))
	}
}

func (f *faults) positive(path string, value time.Duration) {
	if value <= 0 {
		f.add(path, short(value)+" is not positive", `write a duration such as "250ms"`)
	}
}

// list checks that a list has at most the given number of entries, none of them
// empty or written twice. A negative number leaves the length open.
func (f *faults) list(path string, values []string, most int) {
	if most >= 0 && len(values) > most {
		f.add(path, fmt.Sprintf("%d entries are too many", len(values)), fmt.Sprintf("write at most %d", most))
	}
	seen := make(map[string]bool, len(values))
	for i, value := range values {
		switch {
		case value == "":
			f.add(entry(path, i), "the entry is empty", "remove it")
		case seen[value]:
			f.add(entry(path, i), fmt.Sprintf("%q is written twice", value), "remove one of them")
		}
		seen[value] = true
	}
}

// header checks a header's name.
func (f *faults) header(path, name string) {
	if !httpguts.ValidHeaderFieldName(name) || name == "*" {
		f.add(path, fmt.Sprintf("%q is not the name of a header", name), `write a name such as "Accept-Language"`)
	}
}

// statuses checks a list of status codes.
func (f *faults) statuses(path string, values []codes.Code, refused map[codes.Code]string, remedy string) {
	seen := make(map[codes.Code]bool, len(values))
	for i, value := range values {
		name := statusName(value)
		switch why, isRefused := refused[value]; {
		case isRefused:
			f.add(entry(path, i), name+" "+why, remedy)
		case value > codes.Unauthenticated:
			f.add(entry(path, i), name+" is not a status", remedy)
		case seen[value]:
			f.add(entry(path, i), name+" is written twice", "remove one of them")
		}
		seen[value] = true
	}
	if len(values) == 0 {
		f.add(path, "names no status", remedy)
	}
}

// statusName returns the status as the schema writes it, such as "UNAVAILABLE".
func statusName(c codes.Code) string { return code.Code(c).String() }

// notOnStreams refuses a block that streams will bear once.
func (f *faults) notOnStreams(block, what string) {
	f.add(block, what+" is not supported yet", fmt.Sprintf(`remove it, or write "%s: {disabled: true}" on the RPC`, block))
}

// entry returns the path of a list's entry.
func entry(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// short returns a duration without its zero parts: "1h", not "1h0m0s".
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
