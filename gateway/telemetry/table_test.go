package telemetry

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/embedded"
)

// observed is a metric.Int64Observer.
type observed struct {
	embedded.Int64Observer
	values map[string]int64
}

func (o observed) Observe(value int64, options ...metric.ObserveOption) {
	set := metric.NewObserveConfig(options).Attributes()
	o.values[set.Encoded(attribute.DefaultEncoder())] += value
}

func TestKeysAreBounded(t *testing.T) {
	c := newCounters(func(key string) []attribute.KeyValue { return []attribute.KeyValue{attribute.String("key", key)} })
	c.most = 2
	for _, key := range []string{"a", "b", "c", "a", "d", "c"} {
		c.of(key).Add(1)
	}
	got := observed{values: map[string]int64{}}
	if err := c.observe(context.Background(), got); err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"key=a": 2, "key=b": 1, "otel.metric.overflow=true": 3}
	if diff := cmp.Diff(want, got.values); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}

func TestRecordOptionsAreBounded(t *testing.T) {
	made := 0
	options := recordOptions(func(key int) []attribute.KeyValue {
		made++
		return []attribute.KeyValue{attribute.Int("key", key)}
	})
	options.most = 1
	for _, want := range []struct {
		key  int
		text string
	}{{1, "key=1"}, {2, "otel.metric.overflow=true"}, {1, "key=1"}} {
		set := metric.NewRecordConfig(options.of(want.key)).Attributes()
		if got := set.Encoded(attribute.DefaultEncoder()); got != want.text {
			t.Errorf("key %d is recorded as %s", want.key, got)
		}
	}
	if made != 1 {
		t.Errorf("attributes made %d times", made)
	}
}
