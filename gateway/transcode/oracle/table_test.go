package oracle_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// request is a request of the table.
type request struct {
	line   string // "METHOD /path?query"
	body   string
	header string // "Name: value" lines
}

func (q request) http() *http.Request {
	method, target, _ := strings.Cut(q.line, " ")
	path, _, _ := strings.Cut(target, "?")
	r := httptest.NewRequest(method, strings.Replace(target, path, strings.ReplaceAll(path, "%zz", "-"), 1), strings.NewReader(q.body))
	if strings.Contains(path, "%zz") { // which no URL parser lets pass, but a handler in between may make
		r.URL.Path, r.URL.RawPath = path, path
	}
	if q.body == "" {
		r.Body = http.NoBody
	}
	for line := range strings.Lines(q.header) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		r.Header.Add(name, value)
	}
	return r
}

// TestTable compares responses to requests that were thought of.
func TestTable(t *testing.T) {
	up := start(t)
	for _, f := range forms() {
		t.Run(f.name, func(t *testing.T) {
			p := f.serve(t, up)
			for _, q := range table() {
				t.Run(strings.ReplaceAll(q.line+" "+q.body+" "+q.header, "/", "|"), func(t *testing.T) { p.compare(t, q.http) })
			}
		})
	}
}

const form_ = "Content-Type: application/x-www-form-urlencoded"

// requests collects requests with the same body and header.
type requests []request

func (r *requests) add(body, header string, lines ...string) {
	for _, line := range lines {
		*r = append(*r, request{line, body, header})
	}
}

func table() []request {
	return slices.Concat(pathRequests(), queryRequests(), bodyRequests(), otherSyntaxes(), formRequests(), headerRequests())
}

// pathRequests binds paths.
func pathRequests() (found requests) {
	found.add("", "",
		"GET /v1/text/a", "GET /v1/text/a%20b", "GET /v1/text/a%2Fb", "GET /v1/text/a%252Fb", "GET /v1/text/", "GET /v1/text", "GET /v1/text//",
		"GET /v1/text/%C3%A9", "GET /v1/text/%FF", "GET /v1/text/a/with/b,c", "GET /v1/text/a/with/b%2Cc,,d", "GET /v1/text/a/with/",
		"HEAD /v1/text/a", "OPTIONS /v1/text", "DELETE /v1/text/a", "PUT /v1/text/a", "PATCH /v1/text/a", "TRACE /v1/text/a",
		"GET /", "GET /v1", "GET /V1/text/a", "POST /v1/text/a", "GET /v1/double/1.5", "GET /v1/double/NaN", "GET /v1/double/1e400", "GET /v1/double/0x1p4",
		"GET /v1/float/1e39", "GET /v1/float/-Inf", "GET /v1/int64/9223372036854775807", "GET /v1/int64/9223372036854775808", "GET /v1/int64/-1", "GET /v1/int64/+1", "GET /v1/int64/1_0",
		"GET /v1/uint64/18446744073709551615", "GET /v1/uint64/-1", "GET /v1/int32/2147483648", "GET /v1/int32/", "GET /v1/uint32/4294967296",
		"GET /v1/bool/true", "GET /v1/bool/T", "GET /v1/bool/yes", "GET /v1/bytes/aGk=", "GET /v1/bytes/aGk", "GET /v1/bytes/_-8=", "GET /v1/bytes/a", "GET /v1/bytes/",
		"GET /v1/level/LEVEL_HIGH", "GET /v1/level/LEVEL_SMALL", "GET /v1/level/7", "GET /v1/level/-3", "GET /v1/level/2", "GET /v1/level/high", "GET /v1/level/",
		"GET /v1/scalars/1/2/3/4/5/6/7/true/s/aGk/11/LEVEL_LOW/13/14/15/16", "GET /v1/scalars/1/2/3/4/5/6/7/true/s/aGk/11/LEVEL_LOW/13/14/15/x",
		"GET /v1/lists/a,b/1,2/LEVEL_LOW,7", "GET /v1/lists/a/1,/7", "GET /v1/lists/a/1/LEVEL_LOW,8", "GET /v1/lists/of/1.5,2/true,false/aGk,aGk", "GET /v1/lists/of/1.5,x/true/aGk", "GET /v1/lists/,//",
		"GET /v1/timestamp/2026-10-01T12:00:00Z", "GET /v1/timestamp/2026-10-01T12:00:00.123456789+02:00", "GET /v1/timestamp/%222026-10-01T12:00:00Z%22", "GET /v1/timestamp/2026-10-01", "GET /v1/timestamp/0000-01-01T00:00:00Z",
		"GET /v1/duration/1.5s", "GET /v1/duration/1h", "GET /v1/duration/-3.000000001s", "GET /v1/duration/x",
		"GET /v1/wrapped/string/a", "GET /v1/wrapped/bytes/aGk", "GET /v1/wrapped/bytes/!", "GET /v1/wrapped/bool/true", "GET /v1/wrapped/bool/2", "GET /v1/wrapped/int32/1", "GET /v1/wrapped/int32/x",
		"GET /v1/wrapped/uint32/1", "GET /v1/wrapped/int64/1", "GET /v1/wrapped/uint64/1", "GET /v1/wrapped/float/1.5", "GET /v1/wrapped/double/1.5", "GET /v1/wrapped/double/NaN",
		"GET /v1/optional/a/1/true", "GET /v1/optional//0/false", "GET /v1/optional/a/x/true",
		"GET /v1/oneof/string/a", "GET /v1/oneof/int/7", "GET /v1/oneof/int/x", "GET /v1/oneof/inner/a", "GET /v1/oneof/string/a?one_string=b", "GET /v1/oneof/inner/a?one_inner.amount=1",
		"GET /v1/nested/a/7/LEVEL_HIGH", "GET /v1/nested/a/7/1", "GET /v1/nested/a/x/1", "GET /v1/nested/a/7/9", "GET /v1/nested/deep/a", "GET /v1/nested/tags/a,b", "GET /v1/nested/at/2026-10-01T12:00:00Z", "GET /v1/nested/list/a",
		"GET /v1/shelves/1", "GET /v1/shelves/1/books/2", "GET /v1/shelves/1/books", "GET /v1/shelves/1%2Fbooks", "GET /v1/files", "GET /v1/files/", "GET /v1/files/a/b%2Fc", "GET /v1/files/a:stat", "GET /v1/files:stat", "GET /v1/files/a:other",
		"GET /v1/trees/a/leaf/b", "GET /v1/trees/a/b/c/leaf/d", "GET /v1/trees/a/leaf/leaf/leaf", "GET /v1/x/any/y", "GET /v1/colon:literal/x", "GET /v1/twice/a/b", "GET /v1/a:two:verbs", "GET /v1/a:verbs", "GET /v1/:two:verbs",
		"POST /v1/shelves/1:archive", "POST /v1/shelves/1:nosuch", "POST /v1/shelves/1%3Aarchive", "POST /v1/shelves:search", "POST /v1/shelves/:archive", "GET /v1/shelves/1:archive",
		"GET /v1/nothing", "GET /v1/nothing?x=%zz", "GET /v1/pairs/a/1", "GET /v1/pairs/a/x", "GET /v1/pairs/a/1?left=%zz", "POST /venta.oracle.v1.Everythings/Unbound",
	)
	return found
}

// queryRequests binds query parameters.
func queryRequests() (found requests) {
	for _, query := range []string{
		"a_string=b", "aString=b", "a_string=b&a_string=c", "a_string=b&aString=c", "nosuch=1", "inner.name=a&inner.inner.name=b", "inner.nosuch=1", "inner=1", "a_bool.x=1",
		"strings=a&strings=b", "strings=a,b", "ints=1&ints=2", "ints=x", "levels=LEVEL_LOW&levels=7", "levels=9", "inners.name=a", "inners=a", "timestamps=2026-10-01T12:00:00Z",
		"labels[a]=b", "labels%5Ba%5D=b", "labels[a]=b&labels[c]=d", "labels[a]=b&labels[a]=c", "labels=a", "by_number[1]=x", "by_number[1].name=x", "by_bool[true]=LEVEL_HIGH", "by_bool[x]=LEVEL_HIGH", "strings[a]=b",
		"one_string=a", "one_string=a&one_int=1", "one_inner.name=a&one_inner.amount=1", "one_nothing=", "one_nothing={}", "one_nothing=x",
		"maybe_string=", "maybe_int=0", "maybe_level=LEVEL_UNSPECIFIED", "a_timestamp=2026-10-01T12:00:00.5Z", "a_timestamp=x", "a_duration=1h2m", "a_duration=1.5s", "a_duration=x",
		"update_mask=a,b.c", "updateMask=aString", "a_struct={\"a\":1}", "a_struct=1", "a_value=[1,null]", "a_value=x", "a_list=[1]", "an_any={}", "an_empty=", "an_empty=x",
		"wrapped_string=a", "wrapped_string=", "wrapped_bytes=aGk", "wrapped_bool=true", "wrapped_int32=1", "wrapped_uint32=1", "wrapped_int64=1", "wrapped_uint64=1", "wrapped_float=1.5", "wrapped_double=x",
		"renamed=a", "otherName=a", "odd_1_name_=a", "odd1Name=a", "odd1Name_=a", "some_bytes=aGk", "some_bytes=_-8", "some_bytes=!", "a_level=LEVEL_SMALL", "a_level=1", "a_level=2", "a_double=Infinity", "a_float=1e40", "a_bool=1", "a_bool=maybe",
		"an_int64=9223372036854775808", "a_uint32=-1", "a_string=%zz", "a_string=a;b=c", "=x", "a_string", "a_status.code=5&a_status.message=gone", "raw.content_type=a&raw.data=aGk", "a.b.c", "inner..name=a", "inner.=a", "[a]=b",
	} {
		query = strings.NewReplacer(`"`, "%22", "{", "%7B", "}", "%7D", "[1,null]", "%5B1,null%5D").Replace(query)
		found.add("", "", "GET /v1/fail?"+query, "POST /v1/text?"+query, "PUT /v1/lists/x?"+query, "GET /v1/nested/a/1/1?"+query)
	}
	return found
}

// bodyRequests binds bodies, and presents them as responses.
func bodyRequests() (found requests) {
	for _, body := range []string{
		``, ` `, `{}`, `null`, `[]`, `1`, `"a"`, `{"aString":"a"}`, `{"a_string":"a"}`, `{"nosuch":1}`, `{"aString":1}`, `{"aString":"a"} {"aString":"b"}`, `{"aString":"a"} junk`, `{"aString":`, `{"aString":"a","aString":"b"}`,
		`{"anInt64":"7","aUint32":7,"aDouble":"NaN","someBytes":"aGk=","aLevel":"LEVEL_HIGH"}`, `{"aLevel":7}`, `{"aLevel":"NOSUCH"}`, `{"aLevel":99}`,
		`{"inner":{"name":"a","inner":{"tags":["x"]},"at":"2026-10-01T12:00:00Z"},"inners":[{},{"amount":"1"}],"labels":{"a":"b"},"byNumber":{"1":{"name":"x"}},"byBool":{"true":7}}`,
		`{"oneString":"a"}`, `{"oneInner":{}}`, `{"oneString":"a","oneInt":"1"}`, `{"maybeString":"","maybeInt":0}`, `{"aTimestamp":"x"}`, `{"aTimestamp":"2026-10-01T12:00:00Z","aDuration":"1.5s","updateMask":"a,bC","aStruct":{"a":[1,null]},"aValue":null,"aList":[true]}`,
		`{"anAny":{"@type":"type.googleapis.com/venta.oracle.v1.Pair","left":"a"}}`, `{"anAny":{"@type":"type.googleapis.com/nosuch.Type"}}`, `{"wrappedString":"","wrappedInt64":"1","wrappedBool":null}`, `{"otherName":"a"}`, `{"renamed":"a"}`,
		`{"aStatus":{"code":5,"message":"gone"}}`, `{"aStatus":{"code":13,"message":"internal"}}`, `{"aStatus":{"code":16,"message":"who"}}`, `{"aStatus":{"code":99}}`, `{"strings":["a","b"]}`, "{\"aString\":\"\xff\"}", `true`, `1.5`, `7`, `"7"`, `"aGk="`, `"LEVEL_HIGH"`, `["a","b"]`, `["LEVEL_LOW",7]`, `[1,7]`, `[{"name":"a"}]`,
		`{"a":"b"}`, `{"1":{"name":"a"},"2":{}}`, `{"x":{}}`, `{"name":"a","level":"LEVEL_HIGH"}`, `{"name":null,"inner":{},"labels":{"a":"b"},"tags":[],"more":{"a":{"b":1}},"any":{"@type":"type.googleapis.com/venta.oracle.v1.Pair"}}`,
		`{"inner":{"inner":{"name":"a","nosuch":1}}}`, `"2026-10-01T12:00:00Z"`, `"a,bC"`, `{"@type":"type.googleapis.com/venta.oracle.v1.Pair","left":"a"}`, `{"contentType":"text/plain","data":"aGk="}`,
	} {
		found.add(body, "", "POST /v1/bodies", "PUT /v1/lists/a,b", "PUT /v1/text/a?a_bool=true", "PUT /v1/optional/x", "POST /v1/oneof/string/a", "POST /v1/oneof/body/string", "POST /v1/oneof/body/inner",
			"POST /v1/bodies/string", "POST /v1/bodies/int64", "POST /v1/bodies/double", "POST /v1/bodies/bool", "POST /v1/bodies/bytes", "POST /v1/bodies/level", "POST /v1/bodies/maybe_string",
			"POST /v1/bodies/strings", "POST /v1/bodies/levels", "POST /v1/bodies/inners", "POST /v1/bodies/labels", "POST /v1/bodies/by_number", "POST /v1/bodies/inner/a?a_bool=true&inner.name=x",
			"POST /v1/bodies/timestamp", "POST /v1/bodies/wrapped_string", "POST /v1/bodies/value", "POST /v1/bodies/struct", "POST /v1/bodies/any",
			"PATCH /v1/patch/a", "PATCH /v1/patch/a?update_mask=name", "PATCH /v1/patch", "PATCH /v1/patch/a/mask", "PUT /v1/nested/a", "POST /v1/nested/a",
			"POST /v1/answers/inner", "POST /v1/answers/string", "POST /v1/answers/int64", "POST /v1/answers/bytes", "POST /v1/answers/level", "POST /v1/answers/strings", "POST /v1/answers/levels", "POST /v1/answers/inners",
			"POST /v1/answers/labels", "POST /v1/answers/by_number", "POST /v1/answers/maybe_string", "POST /v1/answers/timestamp", "POST /v1/answers/wrapped", "POST /v1/answers/value", "POST /v1/answers/whole",
			"POST /v1/raw", "POST /v1/raw/field", "GET /v1/raw", "POST /v1/nothing", "PUT /v1/pairs/a", "GET /v1/text/a", "DELETE /v1/text/a", "POST /v1/shelves/1:archive", "POST /v1/fail")
	}
	return found
}

// otherSyntaxes is for proto2, editions, the opaque API and the plugin's options.
func otherSyntaxes() (found requests) {
	for _, body := range []string{
		``, `{}`, `{"name":"a"}`, `{"count":1,"kind":"OLD_KIND_SECOND","group":{"word":"w"},"numbers":["1"],"kinds":[1]}`, `{"kind":9}`, `{"kind":"NEW_KIND_SECOND","delimited":{"name":"a"}}`, `{"kind":9}`, `"a"`, `[1,"2"]`, `{"part":{"name":"x"}}`, `{"name":"a","part":{"part":{}}}`,
	} {
		found.add(body, "", "POST /v2/old", "PATCH /v2/old/a", "PATCH /v2/old/a?mask=x", "PUT /v2/old/name", "PUT /v2/old/numbers", "PUT /v2/old/nested", "POST /v3/new", "PATCH /v3/new/a", "PUT /v3/new/delimited", "PUT /v3/new/name",
			"POST /v4/closed", "PATCH /v4/closed/a", "PUT /v4/closed/a", "DELETE /v5/choices/a", "PATCH /v5/choices/a", "POST /venta.oracle.v1.Optioned/Unruled", "POST /v5/configured")
	}
	found.add("", "", "GET /v2/old/a/1", "GET /v2/old/a/x", "GET /v2/old/lists/1,2/OLD_KIND_FIRST,2", "GET /v2/old/lists/1/3", "GET /v2/old/part/a", "GET /v2/old/part/", "GET /v2/old/tags/a,b", "GET /v2/old/a/1?kind=2&group.word=x&Group.word=x&choice_name=a&data=aGk",
		"GET /v3/new/lists/1,2/NEW_KIND_FIRST", "GET /v3/new/part/a/NEW_KIND_SECOND", "GET /v3/new/part/a/3", "GET /v3/new/plain/a?name=&count=0&kind=1&part.kind=2&delimited.name=a",
		"GET /v4/closed/a/1?tags=x&part.part.name=y", "GET /v4/closed/a/x", "GET /v4/closed/tags/a,b", "GET /v4/closed/part/a", "GET /v4/closed/2:follow",
		"GET /v5/choices/a%7Cb/1%7C2", "GET /v5/choices/a,b/1,2", "GET /v5/files/a/b", "GET /v5/files", "GET /v5/files/", "GET /v5/deep/a/tail", "GET /v5/deep/a/b/tail", "GET /v5/configured/a", "GET /v5/configured/a?names=x",
	)
	return found
}

// formRequests posts forms, and names methods that a form stands for.
func formRequests() (found requests) {
	found.add("a_string=b&strings=x&strings=y", form_, "POST /v1/text", "POST /v1/text?a_string=c", "POST /v1/text/a", "POST /v1/nothing", "POST /v1/fail", "POST /v1/nosuch", "PUT /v1/text/a", "POST /v1/double/1.5", "DELETE /v1/text/a", "POST /v1/pairs/a/1")
	found.add("a_string=%zz", form_, "POST /v1/text", "POST /v1/text/a")
	found.add("a_bool=true", form_+"; charset=utf-8", "POST /v1/text", "POST /v1/text/a")
	for _, method := range []string{"GET", "get", "DELETE", "PUT", "HEAD", "NOSUCH", ""} {
		found.add("a_bool=true", form_+"\nX-HTTP-Method-Override: "+method, "POST /v1/text/a", "POST /v1/text", "PUT /v1/text/a", "POST /v1/fail", "POST /v1/nosuch")
		found.add(`{"aBool":true}`, "X-HTTP-Method-Override: "+method, "POST /v1/text/a", "POST /v1/bodies")
	}
	return found
}

// headerRequests sends headers and metadata.
func headerRequests() (found requests) {
	for _, header := range []string{
		"Authorization: Bearer x", "Grpc-Metadata-Key: a\nGrpc-Metadata-Key: b", "Grpc-Metadata-Data-Bin: aGk=", "Grpc-Metadata-Data-Bin: !", "Grpc-Metadata-Grpcgateway-Host: x", "Grpc-Metadata-X-Forwarded-For: 1.2.3.4",
		"Grpc-Timeout: 1H", "Grpc-Timeout: 1x", "Grpc-Timeout: S", "Grpc-Timeout: 99999999H", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: example.com", "Cookie: a=b", "X-Custom: a", "Accept: text/plain", "Accept: application/json",
		"Content-Type: text/plain", "Content-Type: ;;", "TE: trailers", "Te: gzip", "Accept-Language: é", "Range: bytes=0-1", "If-None-Match: \"x\"", "User-Agent: me",
	} {
		found.add("", header, "GET /v1/text/a", "GET /v1/nothing", "GET /v1/fail?a_status.code=16&a_status.message=who", "GET /v1/int32/x", "GET /v1/nosuch")
		found.add(`{"aString":"x"}`, header, "POST /v1/bodies", "POST /v1/raw")
	}
	return found
}
