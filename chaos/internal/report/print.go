package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// JSON writes everything as one document.
func JSON(w io.Writer, all []Scenario) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(all)
}

// Table writes what clients saw, one line a phase, and then every criterion.
func Table(w io.Writer, all []Scenario) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(t, rows(all)); err != nil {
		return err
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range all {
		if _, err := io.WriteString(w, s.verdict()); err != nil {
			return err
		}
	}
	return nil
}

// rows are the table's lines, with a tab between two cells.
func rows(all []Scenario) string {
	var b strings.Builder
	b.WriteString("scenario\tphase\trequests\tok\tp50\tp99\tattempts\tclients saw\n")
	for _, s := range all {
		for _, p := range s.Phases {
			fmt.Fprintf(&b, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", s.Name, p.Name, p.Requests, p.share(),
				short(p.P50), short(p.P99), p.attempts(), outcomes(p.Outcomes))
		}
	}
	return b.String()
}

// verdict is a scenario's criteria, one a line.
func (s Scenario) verdict() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s  %s: %s (%s; the machine stood still for %s at most%s)\n",
		word(s.Passed()), s.Name, s.About, s.Took.Round(100*time.Millisecond), short(s.Stood), s.again())
	for _, c := range s.Checks {
		fmt.Fprintf(&b, "      %s  %s: %s\n", word(c.OK), c.Criterion, c.Found)
	}
	for _, note := range s.Notes {
		fmt.Fprintf(&b, "            %s\n", note)
	}
	if s.Error != "" {
		fmt.Fprintf(&b, "      FAIL  could not be carried through: %s\n", s.Error)
	}
	return b.String()
}

func (s Scenario) again() string {
	if s.Runs < 2 {
		return ""
	}
	return fmt.Sprintf(", run %d", s.Runs)
}

func word(ok bool) string {
	if ok {
		return "PASS"
	}
	return "FAIL"
}

func (p Phase) share() string {
	if p.Requests == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(p.OK)/float64(p.Requests))
}

func (p Phase) attempts() string {
	if p.Attempts < 0 || p.Requests == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2fx", float64(p.Attempts)/float64(p.Requests))
}

func short(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// outcomes lists the most frequent first.
func outcomes(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = fmt.Sprintf("%s: %d", name, counts[name])
	}
	return strings.Join(parts, ", ")
}
