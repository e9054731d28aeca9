package process_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/process"
)

const echoMethod = "grpc.testing.TestService/UnaryCall"

// overrideItem is an override as the admin address tells it.
type overrideItem struct {
	ID, Methods, Reason, Source, Operator, YAML string
	Policy                                      json.RawMessage
	Expires                                     *time.Time
	Added                                       time.Time
	Matches                                     []string
	Changes                                     []struct {
		Method, Block string
		Before, After json.RawMessage
	}
	Error  string
	Faults []string
}

// act sends an operator's request, with header fields in pairs.
func (r *running) act(t *testing.T, verb, path, body string, fields ...string) (int, overrideItem) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), verb, r.AdminURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	response, err := fresh().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var item overrideItem
	if err := json.Unmarshal(text, &item); err != nil && response.Header.Get("Content-Type") == "application/json" {
		t.Fatalf("%v: %s", err, text)
	}
	return response.StatusCode, item
}

// laid makes an override, which must be taken.
func (r *running) laid(t *testing.T, body string) overrideItem {
	t.Helper()
	status, item := r.act(t, http.MethodPost, "/api/overrides", body)
	if status != http.StatusCreated {
		t.Fatalf("%d %s %v", status, item.Error, item.Faults)
	}
	return item
}

// listed returns what is in force.
func (r *running) listed(t *testing.T) (items []overrideItem, block string) {
	t.Helper()
	_, _, text := call(t, fresh(), http.MethodGet, r.AdminURL+"/api/overrides")
	var list struct {
		Overrides []overrideItem
		YAML      string
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return list.Overrides, list.YAML
}

// tooLarge tells whether requests are refused for their size, as the override of a test has it.
func (r *running) tooLarge(t *testing.T) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.HTTPURL+"/v1/echo", strings.NewReader(`{"response_size": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	response, err := fresh().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode == http.StatusRequestEntityTooLarge
}

const oneByte = `{"methods": "` + echoMethod + `", "policy": {"limits": {"max_request_bytes": "1"}}, "reason": "a flood", "for": "1h"}`

// TestOverridesOfOperators takes one through its life: tried, made, seen in every place
// that shows policies, kept over a reload, undone; and all of it in the audit log.
func TestOverridesOfOperators(t *testing.T) {
	records := filepath.Join(t.TempDir(), "audit.log")
	base := "audit: {file: " + records + "}\noverrides: [{methods: '**', policy: {timeout: {duration: 7s}}, reason: of the file}]\n"
	r := run(t, shop(nil), base)
	if _, _, text := call(t, fresh(), http.MethodGet, r.AdminURL+"/api/me"); text != `{"operator":"local","role":"operate"}`+"\n" {
		t.Error(text)
	}

	status, tried := r.act(t, http.MethodPost, "/api/overrides?dry_run=true", oneByte)
	if status != http.StatusOK || len(tried.Changes) != 1 || tried.Changes[0].Method != echoMethod || tried.Changes[0].Block != "limits" ||
		string(tried.Changes[0].Before) != "null" || !strings.Contains(string(tried.Changes[0].After), `"max_request_bytes":"1"`) {
		t.Errorf("%d %+v", status, tried)
	}
	if items, block := r.listed(t); len(items) != 1 || r.tooLarge(t) || block != "" || items[0].Source != r.config+":2" && !strings.Contains(items[0].Source, ":2") {
		t.Errorf("a dry run changes something: %+v %s", items, block)
	}

	made := r.laid(t, oneByte)
	if made.ID == "" || made.Source != "memory" || made.Operator != "local" || made.Expires == nil || made.Added.IsZero() || len(made.Matches) != 1 || len(made.Changes) != 1 {
		t.Errorf("%+v", made)
	}
	seen := func(when string) {
		t.Helper()
		items, block := r.listed(t)
		if len(items) != 2 || items[1].ID != made.ID || !strings.Contains(block, items[1].YAML) || !r.tooLarge(t) {
			t.Errorf("%s: %+v %s", when, items, block)
		}
		for _, path := range []string{"/policies", "/api/methods/" + echoMethod} {
			_, _, text := call(t, fresh(), http.MethodGet, r.AdminURL+path)
			var compact bytes.Buffer
			if err := json.Compact(&compact, []byte(text)); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{`"limits":"memory ` + made.ID + `: override of`, `{"source":"memory","id":"` + made.ID + `","methods":"` + echoMethod + `","reason":"a flood"`, `"operator":"local"`} {
				if !strings.Contains(compact.String(), want) {
					t.Errorf("%s: no %s in %s: %s", when, want, path, compact.String())
				}
			}
		}
		for _, want := range []string{`venta_overrides\{[^}]*venta_override_source="memory"[^}]*\} 1`, `venta_overrides\{[^}]*venta_override_source="file"[^}]*\} 1`} {
			if !r.metric(t, want) {
				t.Errorf("%s: no metric %s", when, want)
			}
		}
	}
	seen("made")
	r.rewrite(t, base+"logging: {level: debug}\n")
	audited(t, records, "action", "log.level.change")
	seen("after a reload")

	if status, item := r.act(t, http.MethodDelete, "/api/overrides/"+made.ID, `{"reason": "the flood is over"}`); status != http.StatusOK || item.ID != made.ID {
		t.Errorf("%d %+v", status, item)
	}
	if items, _ := r.listed(t); len(items) != 1 || r.tooLarge(t) {
		t.Errorf("it is still there: %+v", items)
	}
	audited(t, records, "action", "override.add", "actor.kind", "operator", "actor.name", "local", "client.address", "127.0.0.1", "target", echoMethod,
		"before", echoMethod+" limits: none", "after", "max_request_bytes", "reason", "a flood")
	audited(t, records, "action", "override.remove", "actor.kind", "operator", "actor.name", "local", "before", "max_request_bytes", "reason", "the flood is over")
}

// TestOverridesOfMemoryAreOfferedForTheFile pastes what is offered into a file, and has a
// second process hold its RPCs to the same.
func TestOverridesOfMemoryAreOfferedForTheFile(t *testing.T) {
	r := run(t, shop(nil), "logging: {level: info}\n")
	r.laid(t, oneByte)
	r.laid(t, `{"methods": "**", "policy": {"timeout": {"duration": "3s"}, "rate_limits": [{"name": "all", "requests": 7, "interval": "1m", "key": {"client_ip": true}, "mode": "MODE_SHADOW"}]},
		"reason": "true: \"${HOME}\"\n# two lines", "expires": "`+time.Now().Add(90*time.Minute).Format(time.RFC3339)+`"}`)
	items, block := r.listed(t)
	other := run(t, shop(nil), "logging: {level: info}\n"+block)
	policies := func(of *running) string {
		_, _, text := call(t, fresh(), http.MethodGet, of.AdminURL+"/policies")
		var all []struct{ Method, Policy json.RawMessage }
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatal(err)
		}
		out, _ := json.Marshal(all)
		return string(out)
	}
	if a, b := policies(r), policies(other); a != b || !strings.Contains(a, `"client_ip"`) {
		t.Errorf("%s\nis not\n%s", b, a)
	}
	pasted, none := other.listed(t)
	for i, one := range pasted {
		if one.Reason != items[i].Reason || !one.Expires.Equal(*items[i].Expires) || one.YAML != items[i].YAML || one.ID != "" || !strings.Contains(one.Source, "shop.yaml:") {
			t.Errorf("%+v is not %+v", one, items[i])
		}
		status, refused := other.act(t, http.MethodDelete, "/api/overrides/"+url.PathEscape(one.Source), `{"reason": "x"}`)
		if status != http.StatusConflict || refused.Error != "it is one of the file; take it out of "+one.Source {
			t.Errorf("%d %+v", status, refused)
		}
	}
	if len(pasted) != 2 || none != "" {
		t.Errorf("%+v %s", pasted, none)
	}
}

// TestOverridesThatAreRefused holds that each fault is named, and that nothing changes.
func TestOverridesThatAreRefused(t *testing.T) {
	r := run(t, shop(nil), "")
	const timeout = `"policy": {"timeout": {"duration": "2s"}}`
	for _, test := range []struct {
		name, body string
		status     int
		want       []string
	}{
		{"everything", `{}`, 400, []string{"reason: say why", "expires: say until when", "policy: say what"}},
		{"no end", `{"methods": "**", ` + timeout + `, "reason": "x"}`, 400, []string{"expires: say until when"}},
		{"two ends", `{"methods": "**", ` + timeout + `, "reason": "x", "for": "1h", "expires": "2030-01-01T00:00:00Z"}`, 400, []string{"expires: say until when"}},
		{"no reason", `{"methods": "**", ` + timeout + `, "reason": "  ", "for": "1h"}`, 400, []string{"reason: say why"}},
		{"too long", `{"methods": "**", ` + timeout + `, "reason": "x", "for": "25h"}`, 400, []string{"expires: must lie ahead, and at most 24 hours"}},
		{"over", `{"methods": "**", ` + timeout + `, "reason": "x", "for": "-1s"}`, 400, []string{"expires: must lie ahead"}},
		{"a year", `{"methods": "**", ` + timeout + `, "reason": "x", "expires": "2999-01-01T00:00:00Z"}`, 400, []string{"expires: must lie ahead"}},
		{"no time", `{"methods": "**", ` + timeout + `, "reason": "x", "expires": "soon"}`, 400, []string{"expires: must be a time"}},
		{"no duration", `{"methods": "**", ` + timeout + `, "reason": "x", "for": "1 hour"}`, 400, []string{"for: must be a duration"}},
		{"no string", `{"methods": 1, ` + timeout + `, "reason": null, "for": "1h"}`, 400, []string{"methods: must be a string", "reason: must be a string"}},
		{"unknown", `{"methods": "**", ` + timeout + `, "reason": "x", "for": "1h", "Reason": "y", "ttl": 1}`, 400, []string{`"Reason" is unknown`, `"ttl" is unknown`}},
		{"twice", `{"methods": "**", "methods": "x/y", ` + timeout + `, "reason": "x", "for": "1h"}`, 400, []string{`"methods" is given twice`}},
		{"unknown in the policy", `{"methods": "**", "policy": {"timeout": {"duration": "2s", "soft": true}}, "reason": "x", "for": "1h"}`, 400, []string{"policy: ", `unknown field "soft"`}},
		{"an unknown block", `{"methods": "**", "policy": {"timeouts": {}}, "reason": "x", "for": "1h"}`, 400, []string{"policy: ", `unknown field "timeouts"`}},
		{"no block", `{"methods": "**", "policy": {}, "reason": "x", "for": "1h"}`, 400, []string{"policy: has no block"}},
		{"no pattern", `{"methods": "x", ` + timeout + `, "reason": "x", "for": "1h"}`, 400, []string{"methods: must be PACKAGE.SERVICE/METHOD"}},
		{"no such RPC", `{"methods": "shop.v1.Nothing/Get", ` + timeout + `, "reason": "x", "for": "1h"}`, 400, []string{"there is no such RPC"}},
		{"wrong twice", `{"methods": "**", "policy": {"timeout": {"duration": "2h"}, "retry": {"max_attempts": 99}}, "reason": "x", "for": "1h"}`, 400, []string{"timeout.duration: 2h is out of limits", "retry.max_attempts: 99 is out of limits"}},
		{"permits", `{"methods": "**", "policy": {"permits": [{"field": "timeout.duration"}]}, "reason": "x", "for": "1h"}`, 400, []string{"an override permits nothing"}},
		{"two values", `{} {}`, 400, []string{"more than one value"}},
		{"no object", `[]`, 400, []string{"no JSON object"}},
		{"nothing", ``, 400, []string{"no JSON object"}},
		{"cut off", `{"methods": "**"`, 400, []string{"not understood"}},
		{"large", `{"reason": "` + strings.Repeat("x", 70<<10) + `"}`, 413, []string{"more than 65536 bytes"}},
		{"a long reason", `{"methods": "**", ` + timeout + `, "reason": "` + strings.Repeat("é", 1025) + `", "for": "1h"}`, 400, []string{"more than 1024 characters"}},
	} {
		for _, query := range []string{"", "?dry_run=true"} {
			status, item := r.act(t, http.MethodPost, "/api/overrides"+query, test.body)
			text := item.Error + "\n" + strings.Join(item.Faults, "\n")
			for _, want := range test.want {
				if status != test.status || !strings.Contains(text, want) {
					t.Errorf("%s%s: %d %s, want %s", test.name, query, status, text, want)
				}
			}
		}
	}
	for _, query := range []string{"?dryrun=true", "?dry_run=yes", "?dry_run=true&dry_run=false", "?dry_run", "?%zz"} {
		if status, _ := r.act(t, http.MethodPost, "/api/overrides"+query, oneByte); status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, status)
		}
	}
	if status, _ := r.act(t, http.MethodPost, "/api/overrides", oneByte, "Content-Type", "text/plain"); status != http.StatusUnsupportedMediaType {
		t.Errorf("text: %d", status)
	}
	for path, want := range map[string]int{"/api/overrides/m1": 404, "/api/overrides/memory": 404, "/api/overrides": 404} {
		if status, item := r.act(t, http.MethodDelete, path, `{"reason": "x"}`); status != want {
			t.Errorf("%s: %d %+v", path, status, item)
		}
	}
	if items, _ := r.listed(t); len(items) != 0 {
		t.Errorf("%+v", items)
	}
}

// TestManyOperators holds that none loses what another one does, and that there is a bound.
func TestManyOperators(t *testing.T) {
	r := run(t, shop(nil), "")
	var all sync.WaitGroup
	statuses := make([]int, 40)
	for i := range statuses {
		all.Go(func() { statuses[i], _ = r.act(t, http.MethodPost, "/api/overrides", oneByte) })
	}
	all.Wait()
	counts := map[int]int{}
	for _, status := range statuses {
		counts[status]++
	}
	items, _ := r.listed(t)
	if counts[http.StatusCreated] != 32 || counts[http.StatusConflict] != 8 || len(items) != 32 {
		t.Errorf("%v, %d are listed", counts, len(items))
	}
	for _, item := range items {
		all.Go(func() { _, _ = r.act(t, http.MethodDelete, "/api/overrides/"+item.ID, `{"reason": "x"}`) })
	}
	all.Wait()
	if items, _ := r.listed(t); len(items) != 0 {
		t.Errorf("%d are left", len(items))
	}
}

// slowCalls is an override that needs a timeout above its duration.
func slowCalls(duration, lasts string) string {
	return `{"methods": "` + echoMethod + `", "policy": {"circuit_breaker": {"slow_call_duration": "` + duration + `", "slow_call_threshold_percent": 50}}, "reason": "slow", "for": "` + lasts + `"}`
}

// TestTheFileGoesFirst holds what becomes of an override of memory that does not fit behind
// a file any more: the file is taken, that override alone ends, and it is told.
func TestTheFileGoesFirst(t *testing.T) {
	records := filepath.Join(t.TempDir(), "audit.log")
	base := "audit: {file: " + records + "}\n"
	r := run(t, shop(nil), base)
	r.laid(t, oneByte)
	slow := r.laid(t, slowCalls("4s", "1h")) // within the annotated timeout of 5 s
	r.rewrite(t, base+"overrides: [{methods: '**', policy: {timeout: {duration: 2s}}}]\n")
	audited(t, records, "action", "override.remove", "actor.kind", "process", "target", echoMethod, "before", "slow_call_duration", "reason", "does not fit", "error", "circuit_breaker.slow_call_duration")
	r.logged(t, `"level":"ERROR","msg":"an override of memory does not fit[^\n]*"id":"`+slow.ID)
	r.logged(t, `configuration changed[^\n]*overrides`)
	items, _ := r.listed(t)
	if len(items) != 2 || items[0].Source == "memory" || items[1].Reason != "a flood" || !r.tooLarge(t) {
		t.Errorf("%+v", items)
	}
}

// TestTheFileStandsAlone holds that no override of memory makes a file right that is wrong
// by itself: a restart would refuse it.
func TestTheFileStandsAlone(t *testing.T) {
	r := run(t, shop(nil), "logging: {level: info}\n")
	r.laid(t, `{"methods": "**", "policy": {"timeout": {"duration": "20s"}}, "reason": "slow", "for": "1h"}`)
	r.rewrite(t, "logging: {level: info}\noverrides: [{methods: '**', policy: {circuit_breaker: {slow_call_duration: 10s, slow_call_threshold_percent: 50}}}]\n")
	r.logged(t, `configuration refused[^\n]*shop.yaml:2[^\n]*slow_call_duration`)
	if items, _ := r.listed(t); len(items) != 1 {
		t.Errorf("%+v", items)
	}
}

// TestOverridesThatCountOnOthers end with them or before, and the others are not taken out
// from below them.
func TestOverridesThatCountOnOthers(t *testing.T) {
	r := run(t, shop(nil), "")
	patient := r.laid(t, `{"methods": "**", "policy": {"timeout": {"duration": "20s"}}, "reason": "slow", "for": "1h"}`)
	if status, item := r.act(t, http.MethodPost, "/api/overrides", slowCalls("10s", "2h")); status != http.StatusBadRequest || !strings.HasPrefix(strings.Join(item.Faults, ""), "once memory "+patient.ID) {
		t.Errorf("%d %+v", status, item)
	}
	counts := r.laid(t, slowCalls("10s", "30m"))
	remove := func(id string, want int) {
		t.Helper()
		if status, item := r.act(t, http.MethodDelete, "/api/overrides/"+id, `{"reason": "over"}`); status != want {
			t.Errorf("%d %+v", status, item)
		} else if want == http.StatusConflict && !strings.Contains(strings.Join(item.Faults, ""), "memory "+counts.ID) {
			t.Errorf("it does not say which: %+v", item)
		}
	}
	remove(patient.ID, http.StatusConflict)
	remove(counts.ID, http.StatusOK)
	remove(patient.ID, http.StatusOK)
	remove(patient.ID, http.StatusNotFound)
}

// TestPolicyCommandShowsARunningGateway holds that it prints of a gateway's memory what it
// prints of a file.
func TestPolicyCommandShowsARunningGateway(t *testing.T) {
	reader, entry := operator(t, "ben", "read", time.Time{})
	file := write(t, filepath.Join(t.TempDir(), "tokens.json"), entries(t, entry))
	token := write(t, filepath.Join(t.TempDir(), "token"), reader+"\n")
	r := run(t, shop(nil), "admin_access: {tokens_file: "+file+"}\n")
	made := r.laid(t, oneByte)
	for _, args := range []string{
		"policy explain --admin " + r.AdminURL, "policy explain --admin " + r.AdminURL + "/ " + echoMethod, "policy explain --token-file " + token + " --admin " + r.AdminURL + " GET_/v1/echo/7",
	} {
		words := strings.Fields(args)
		words[len(words)-1] = strings.ReplaceAll(words[len(words)-1], "_/", " /")
		out, _, err := execute(t, shop(nil), nil, words...)
		line := regexp.MustCompile(`(?m)^    ` + echoMethod + `: until .* memory ` + made.ID + `$`)
		limits := regexp.MustCompile(`(?m)^  limits: +memory ` + made.ID + `: override of ` + echoMethod + `\n    max_request_bytes: 1$`)
		if err != nil || !line.MatchString(out) || !limits.MatchString(out) || !strings.Contains(out, "      by local, ") || !strings.Contains(out, "  rate_limits:") {
			t.Errorf("%s: %v\n%s", args, err, out)
		}
	}
	of := func(args ...string) string {
		out, _, err := execute(t, shop(nil), nil, append([]string{"policy"}, args...)...)
		if err != nil {
			t.Error(err)
		}
		return out
	}
	plain := run(t, shop(nil), "")
	for _, how := range [][]string{{"explain"}, {"list"}, {"explain", "--json"}} {
		if here, there := of(how...), of(append(how, "--admin", plain.AdminURL)...); here != there {
			t.Errorf("%v: %s\nis not\n%s", how, there, here)
		}
	}
	for args, want := range map[string]string{
		"policy list --admin " + r.HTTPURL:                            "404",
		"policy list --admin http://127.0.0.1:9":                      "--admin: ",
		"policy list --admin " + r.AdminURL + " --config x.yaml":      "--config",
		"policy list --token-file " + token:                           "--token-file",
		"policy list --admin " + r.AdminURL + " --token-file " + file: "it asks for a token",
	} {
		if _, _, err := execute(t, shop(nil), nil, strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// TestWhoMayOverride holds that only operators act, and no page of somebody else's.
func TestWhoMayOverride(t *testing.T) {
	reader, readerEntry := operator(t, "ben", "read", time.Time{})
	operates, operatorEntry := operator(t, "ana", "operate", time.Time{})
	file := write(t, filepath.Join(t.TempDir(), "tokens.json"), entries(t, readerEntry, operatorEntry))
	records := filepath.Join(t.TempDir(), "audit.log")
	r := run(t, shop(nil), "admin_access: {tokens_file: "+file+", require_on_loopback: true}\naudit: {file: "+records+"}\n")
	as := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	for who, token := range map[string]string{`{"operator":"ben","role":"read"}`: reader, `{"operator":"ana","role":"operate"}`: operates} {
		if _, _, text := call(t, fresh(), http.MethodGet, r.AdminURL+"/api/me", as(token)...); text != who+"\n" {
			t.Errorf("%s, not %s", text, who)
		}
	}
	status, made := r.act(t, http.MethodPost, "/api/overrides", oneByte, as(operates)...)
	if status != http.StatusCreated || made.Operator != "ana" {
		t.Fatalf("%d %+v", status, made)
	}
	audited(t, records, "action", "override.add", "actor.name", "ana")
	for _, request := range []string{"POST /api/overrides", "POST /api/overrides?dry_run=true", "DELETE /api/overrides/" + made.ID} {
		verb, path, _ := strings.Cut(request, " ")
		for _, test := range []struct {
			fields []string
			want   int
		}{
			{nil, 401},
			{as("nonsense"), 401},
			{as(reader), 403},
			{append(as(operates), "Origin", "https://evil.example"), 403},
			{append(as(operates), "Sec-Fetch-Site", "cross-site"), 403},
			{append(as(operates), "Content-Type", "text/plain"), 415},
		} {
			if status, _ := r.act(t, verb, path, oneByte, test.fields...); status != test.want {
				t.Errorf("%s %v: %d, want %d", request, test.fields, status, test.want)
			}
		}
	}
	for token, want := range map[string]int{reader: 200, operates: 200, "nonsense": 401} {
		if status, _, _ := call(t, fresh(), http.MethodGet, r.AdminURL+"/api/overrides", as(token)...); status != want {
			t.Errorf("GET: %d, want %d", status, want)
		}
	}
}

// TestOverridesOfMemoryExpire by themselves, and are told.
func TestOverridesOfMemoryExpire(t *testing.T) {
	records := filepath.Join(t.TempDir(), "audit.log")
	r := run(t, shop(nil), "audit: {file: "+records+"}\n")
	r.laid(t, strings.Replace(oneByte, "1h", "300ms", 1))
	audited(t, records, "action", "override.expire", "actor.kind", "process", "target", echoMethod, "reason", "a flood")
	if items, _ := r.listed(t); len(items) != 0 || r.tooLarge(t) {
		t.Errorf("%+v", items)
	}
}

// TestARestartForgets holds that what is in memory is gone with the process, and not in silence.
func TestARestartForgets(t *testing.T) {
	records := filepath.Join(t.TempDir(), "audit.log")
	file := write(t, filepath.Join(t.TempDir(), "shop.yaml"), "audit: {file: "+records+"}\n")
	first := runWith(t, shop(nil), process.Options{ConfigFile: file, Local: true})
	first.laid(t, oneByte)
	first.stop()
	first.logged(t, `"an override of memory ends with the process"`)
	audited(t, records, "action", "override.remove", "actor.kind", "process", "reason", "the process ends")
	second := runWith(t, shop(nil), process.Options{ConfigFile: file, Local: true})
	if items, block := second.listed(t); len(items) != 0 || block != "" {
		t.Errorf("%+v %s", items, block)
	}
}
