package wirejson_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/api"
	distributionpb "google.golang.org/genproto/googleapis/api/distribution"
	labelpb "google.golang.org/genproto/googleapis/api/label"
	metricpb "google.golang.org/genproto/googleapis/api/metric"
	"google.golang.org/genproto/googleapis/api/serviceconfig"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/venta-hq/venta/gateway/transcode/wirejson"
)

// metricDescriptor is an object of about 500 bytes on the wire, of a type that
// is linked anyway.
func metricDescriptor(i int) *metricpb.MetricDescriptor {
	return &metricpb.MetricDescriptor{
		Name:        fmt.Sprintf("projects/venta/metricDescriptors/custom.example/%04d", i),
		Type:        "custom.example/vendors/updates",
		Labels:      []*labelpb.LabelDescriptor{{Key: "vendor", Description: "The vendor's id."}, {Key: "shard", ValueType: labelpb.LabelDescriptor_INT64}},
		MetricKind:  metricpb.MetricDescriptor_CUMULATIVE,
		ValueType:   metricpb.MetricDescriptor_DISTRIBUTION,
		Unit:        "ms",
		Description: strings.Repeat("How long it took a position to reach \"the\" map. ", 5),
		DisplayName: "Position latency",
		Metadata: &metricpb.MetricDescriptor_MetricDescriptorMetadata{
			SamplePeriod: durationpb.New(time.Minute), IngestDelay: durationpb.New(1500 * time.Millisecond),
		},
		LaunchStage:            api.LaunchStage_GA,
		MonitoredResourceTypes: []string{"gateway", "location_service"},
	}
}

func service(n int) *serviceconfig.Service {
	s := &serviceconfig.Service{Name: "location.venta.example", Title: "Location"}
	for i := range n {
		s.Metrics = append(s.Metrics, metricDescriptor(i))
	}
	return s
}

func distribution() *distributionpb.Distribution {
	d := &distributionpb.Distribution{Count: 1e6, Mean: 17.25, SumOfSquaredDeviation: 1.0625e7}
	bounds := &distributionpb.Distribution_BucketOptions_Explicit{}
	for i := range 20 {
		bounds.Bounds = append(bounds.Bounds, float64(i)*1.7)
		d.BucketCounts = append(d.BucketCounts, int64(i*1000))
		d.Exemplars = append(d.Exemplars, &distributionpb.Distribution_Exemplar{
			Value: 52.520008 + float64(i)/1e4, Timestamp: timestamppb.New(time.Unix(1e9, int64(i)*1e6)),
		})
	}
	d.BucketOptions = &distributionpb.Distribution_BucketOptions{
		Options: &distributionpb.Distribution_BucketOptions_ExplicitBuckets{ExplicitBuckets: bounds},
	}
	return d
}

func structValue() *structpb.Struct {
	value, err := structpb.NewStruct(map[string]any{
		"id": "0190f2c4", "open": true, "rating": 4.7, "tags": []any{"grill", "vegan"},
		"hours": map[string]any{"from": 11.0, "to": 22.0, "note": nil},
	})
	if err != nil {
		panic(err)
	}
	return value
}

// BenchmarkAppend compares with decoding into the generated type and protojson.
func BenchmarkAppend(b *testing.B) {
	for _, bench := range []struct {
		name string
		msg  proto.Message
	}{
		{"object", metricDescriptor(1)},
		{"list50", service(50)},
		{"numbers", distribution()},
		{"timestamp", timestamppb.New(time.Unix(1e9, 5e8))},
		{"duration", durationpb.New(1500 * time.Millisecond)},
		{"struct", structValue()},
	} {
		wire, err := proto.Marshal(bench.msg)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bench.name+"/wirejson", func(b *testing.B) { benchWirejson(b, bench.msg, wire, nil) })
		b.Run(bench.name+"/wirejson-reused", func(b *testing.B) {
			benchWirejson(b, bench.msg, wire, make([]byte, 0, 4*len(wire)+64))
		})
		b.Run(bench.name+"/protojson", func(b *testing.B) { benchProtojson(b, bench.msg, wire) })
	}
}

func benchWirejson(b *testing.B, msg proto.Message, wire, dst []byte) {
	encoder, err := wirejson.Compile(msg.ProtoReflect().Descriptor(), wirejson.Options{EmitUnpopulated: true})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		if _, err := encoder.Append(dst, wire); err != nil {
			b.Fatal(err)
		}
	}
}

func benchProtojson(b *testing.B, msg proto.Message, wire []byte) {
	opts := protojson.MarshalOptions{EmitUnpopulated: true}
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		decoded := msg.ProtoReflect().New().Interface()
		if err := proto.Unmarshal(wire, decoded); err != nil {
			b.Fatal(err)
		}
		if _, err := opts.Marshal(decoded); err != nil {
			b.Fatal(err)
		}
	}
}
