package schemas

import (
	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "cloud.google.com/go/longrunning/autogen/longrunningpb"
	_ "google.golang.org/genproto/googleapis/api"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/api/error_reason"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	_ "google.golang.org/genproto/googleapis/api/visibility"
	_ "google.golang.org/genproto/googleapis/rpc/code"
	_ "google.golang.org/genproto/googleapis/rpc/context"
	_ "google.golang.org/genproto/googleapis/rpc/context/attribute_context"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/http"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	_ "google.golang.org/genproto/googleapis/type/calendarperiod"
	_ "google.golang.org/genproto/googleapis/type/color"
	_ "google.golang.org/genproto/googleapis/type/date"
	_ "google.golang.org/genproto/googleapis/type/datetime"
	_ "google.golang.org/genproto/googleapis/type/dayofweek"
	_ "google.golang.org/genproto/googleapis/type/decimal"
	_ "google.golang.org/genproto/googleapis/type/expr"
	_ "google.golang.org/genproto/googleapis/type/fraction"
	_ "google.golang.org/genproto/googleapis/type/interval"
	_ "google.golang.org/genproto/googleapis/type/latlng"
	_ "google.golang.org/genproto/googleapis/type/localized_text"
	_ "google.golang.org/genproto/googleapis/type/money"
	_ "google.golang.org/genproto/googleapis/type/month"
	_ "google.golang.org/genproto/googleapis/type/phone_number"
	_ "google.golang.org/genproto/googleapis/type/postaladdress"
	_ "google.golang.org/genproto/googleapis/type/quaternion"
	_ "google.golang.org/genproto/googleapis/type/timeofday"
)

// roots are the files of others that schemas may import; what they import
// themselves follows.
var roots = [...]string{
	"buf/validate/validate.proto",
	"google/api/annotations.proto",
	"google/api/client.proto",
	"google/api/error_reason.proto",
	"google/api/field_behavior.proto",
	"google/api/field_info.proto",
	"google/api/http.proto",
	"google/api/httpbody.proto",
	"google/api/launch_stage.proto",
	"google/api/resource.proto",
	"google/api/routing.proto",
	"google/api/visibility.proto",
	"google/longrunning/operations.proto",
	"google/rpc/code.proto",
	"google/rpc/context/attribute_context.proto",
	"google/rpc/context/audit_context.proto",
	"google/rpc/error_details.proto",
	"google/rpc/http.proto",
	"google/rpc/status.proto",
	"google/type/calendar_period.proto",
	"google/type/color.proto",
	"google/type/date.proto",
	"google/type/datetime.proto",
	"google/type/dayofweek.proto",
	"google/type/decimal.proto",
	"google/type/expr.proto",
	"google/type/fraction.proto",
	"google/type/interval.proto",
	"google/type/latlng.proto",
	"google/type/localized_text.proto",
	"google/type/money.proto",
	"google/type/month.proto",
	"google/type/phone_number.proto",
	"google/type/postal_address.proto",
	"google/type/quaternion.proto",
	"google/type/timeofday.proto",
}

// origins says which module holds the files of a folder, and its license.
var origins = [...]struct{ folder, module, license string }{
	{"buf/validate/", "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go", "Apache-2.0"},
	{"google/api/", "google.golang.org/genproto/googleapis/api", "Apache-2.0"},
	{"google/longrunning/", "cloud.google.com/go/longrunning", "Apache-2.0"},
	{"google/rpc/", "google.golang.org/genproto/googleapis/rpc", "Apache-2.0"},
	{"google/type/", "google.golang.org/genproto", "Apache-2.0"},
}
