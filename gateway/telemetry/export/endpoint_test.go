package export

import "testing"

func TestCollectorURL(t *testing.T) {
	tests := []struct {
		text  string
		plain bool
		want  string // "": refused
	}{
		{"127.0.0.1:4317", false, "http://127.0.0.1:4317"},
		{"127.8.9.1:4317", false, "http://127.8.9.1:4317"},
		{"localhost:4317", false, "http://localhost:4317"},
		{"LOCALHOST:4317", false, "http://LOCALHOST:4317"},
		{"[::1]:4317", false, "http://[::1]:4317"},
		{"[::ffff:127.0.0.1]:4317", false, "http://[::ffff:127.0.0.1]:4317"},
		{"https://localhost:4317", false, "https://localhost:4317"},
		{"otel:4317", false, "https://otel:4317"},
		{"otel:4317", true, "http://otel:4317"},
		{"https://otel:4317", true, "https://otel:4317"},
		{"https://otel:4317/", false, "https://otel:4317/"},
		{"http://otel:4317", true, "http://otel:4317"},
		{"http://otel:4317", false, ""},
		{"localhost.example:4317", false, "https://localhost.example:4317"},
		{"127.0.0.1.example:4317", false, "https://127.0.0.1.example:4317"},
		{"[::]:4317", false, "https://[::]:4317"},
		{"", false, ""},
		{"otel", false, ""},
		{"otel:", false, ""},
		{":4317", false, ""},
		{"otel:http", false, ""},
		{"https://otel", false, ""},
		{"unix:///run/otel.sock", false, ""},
		{"ftp://otel:4317", false, ""},
		{"https://otel:4317/v1/traces", false, ""},
		{"https://user:secret@otel:4317", false, ""},
		{"otel:4317?x=1", false, ""},
		{"otel:4317#x", false, ""},
		{"ot el:4317", false, ""},
	}
	for _, test := range tests {
		u, err := collectorURL(test.text, test.plain)
		if test.want == "" {
			if err == nil {
				t.Errorf("%q became %s", test.text, u)
			}
			continue
		}
		if err != nil || u.String() != test.want {
			t.Errorf("%q (plain allowed: %v) became %v, %v, want %s", test.text, test.plain, u, err, test.want)
		}
	}
}
