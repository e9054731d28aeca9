package process_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/venta-hq/venta/gateway/internal/instrument"
)

var update = flag.Bool("update", false, "write the tables of docs/metrics.md anew")

const metricsPage = "../../docs/metrics.md"

// TestMetricsPage holds that docs/metrics.md has the tables that the list of metrics
// makes, and explains each value that it does not list.
func TestMetricsPage(t *testing.T) {
	page, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	want := string(page)
	for _, section := range instrument.All() {
		begin := fmt.Sprintf("<!-- metrics: %s; written by go test ./gateway/process -run MetricsPage -update -->\n", section.Name)
		const end = "<!-- end -->\n"
		before, rest, found := strings.Cut(want, begin)
		_, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("%s has no place for the metrics of %s: %s", metricsPage, section.Name, begin)
		}
		want = before + begin + tableOf(section.Metrics) + end + after
		for _, m := range section.Metrics {
			explained(t, m, before+after)
		}
	}
	if *update {
		if err := os.WriteFile(metricsPage, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if page, err = os.ReadFile(metricsPage); err != nil || !bytes.Equal(page, []byte(want)) {
		t.Errorf("docs/metrics.md is not what the list of metrics says (%v); go test ./gateway/process -run MetricsPage -update", err)
	}
}

// explained checks that the page's prose has the values that its table leaves to it.
func explained(t *testing.T, m instrument.Metric, prose string) {
	t.Helper()
	for _, label := range m.Labels {
		for _, value := range label.Values {
			if label.Below && !strings.Contains(prose, "`"+value+"`") {
				t.Errorf("docs/metrics.md does not explain %s=%q of %s", label.Key, value, m.Name)
			}
		}
	}
}

func tableOf(metrics []instrument.Metric) string {
	var b strings.Builder
	b.WriteString("\n| metric | type, unit | attributes | meaning |\n|---|---|---|---|\n")
	for _, m := range metrics {
		kind := string(m.Kind)
		if m.Unit != "" {
			kind += ", " + strings.NewReplacer("{", "", "}", "", "By", "bytes").Replace(m.Unit)
		}
		var labels []string
		for _, label := range m.Labels {
			labels = append(labels, labelText(label))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", exposedName(m), kind, strings.Join(labels, ", "), strings.TrimSpace(m.Help+" "+m.More))
	}
	return b.String() + "\n"
}

func labelText(l instrument.Label) string {
	text := "`" + exposed(l.Key) + "`"
	switch {
	case l.Below:
		return text + " (below)"
	case len(l.Values) > 8:
		return text
	case len(l.Values) > 0:
		return text + " (`" + strings.Join(l.Values, "`, `") + "`)"
	default:
		return text
	}
}

func exposed(name string) string { return strings.ReplaceAll(name, ".", "_") }

// exposedName is the name that Prometheus reads.
func exposedName(m instrument.Metric) string {
	name := exposed(m.Name)
	switch m.Unit {
	case "s":
		name += "_seconds"
	case "By":
		name += "_bytes"
	}
	if m.Kind == instrument.Counter {
		name += "_total"
	}
	return name
}

// known are the metrics of the list by the name that Prometheus reads.
func known() map[string]instrument.Metric {
	all := map[string]instrument.Metric{}
	for _, section := range instrument.All() {
		for _, m := range section.Metrics {
			all[exposedName(m)] = m
		}
	}
	return all
}

// kinds are Prometheus' types.
var kinds = map[dto.MetricType]instrument.Kind{
	dto.MetricType_COUNTER: instrument.Counter, dto.MetricType_GAUGE: instrument.Gauge, dto.MetricType_HISTOGRAM: instrument.Histogram,
}

// measured are the label names that were seen of each metric.
type measured map[string]map[string]bool

// take compares what was gathered with the list, and keeps what was seen.
func (seen measured) take(t *testing.T, families []*dto.MetricFamily) {
	t.Helper()
	list := known()
	for _, family := range families {
		name := family.GetName()
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") || name == "target_info" {
			continue
		}
		m, ok := list[name]
		if !ok {
			t.Errorf("%s is measured and not in the list of metrics", name)
			continue
		}
		if family.GetHelp() != m.Help || kinds[family.GetType()] != m.Kind {
			t.Errorf("%s is a %v and says %q; the list has a %s and %q", name, family.GetType(), family.GetHelp(), m.Kind, m.Help)
		}
		if seen[name] == nil {
			seen[name] = map[string]bool{}
		}
		for _, series := range family.GetMetric() {
			for _, pair := range series.GetLabel() {
				seen[name][pair.GetName()] = true
				checkLabel(t, m, pair)
			}
		}
	}
}

func checkLabel(t *testing.T, m instrument.Metric, pair *dto.LabelPair) {
	t.Helper()
	i := slices.IndexFunc(m.Labels, func(l instrument.Label) bool { return exposed(l.Key) == pair.GetName() })
	switch {
	case i < 0:
		t.Errorf("%s has %s, which the list has not", m.Name, pair.GetName())
	case m.Labels[i].Values != nil && !slices.Contains(m.Labels[i].Values, pair.GetValue()):
		t.Errorf("%s has %s=%q, which the list has not", m.Name, pair.GetName(), pair.GetValue())
	}
}

// complete checks that everything of the list was seen.
func (seen measured) complete(t *testing.T) {
	t.Helper()
	list := known()
	for _, name := range slices.Sorted(maps.Keys(list)) {
		if seen[name] == nil {
			t.Errorf("%s is in the list of metrics, and nothing measures it", name)
			continue
		}
		for _, label := range list[name].Labels {
			if !seen[name][exposed(label.Key)] {
				t.Errorf("%s has no %s, which the list has", name, label.Key)
			}
		}
	}
}
