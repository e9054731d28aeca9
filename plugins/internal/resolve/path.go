package resolve

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// Paths lead through a file's descriptor by field numbers, as
// google.protobuf.SourceCodeInfo.Location describes.

// The numbers of the options fields in descriptor.proto.
const (
	fileOptions    = 8
	serviceOptions = 3
	methodOptions  = 4
)

// policyOption is the number of the annotations' extension.
var policyOption = int32(policyv1.E_Method.TypeDescriptor().Number())

// httpOption is the number of google.api.http.
var httpOption = int32(annotations.E_Http.TypeDescriptor().Number())

func methodPolicy(method *protogen.Method) []int32 {
	return join(method.Location.Path, methodOptions, policyOption)
}

func methodRule(method *protogen.Method) []int32 {
	return join(method.Location.Path, methodOptions, httpOption)
}

// join returns a path of its own: the elements may be those of a longer path.
func join(path []int32, more ...int32) []int32 {
	return append(slices.Clip(slices.Clone(path)), more...)
}

// fieldNumbers returns a path such as "rate_limits[1].key.field" as numbers. It
// ends at the first name that is no field, such as a missing one's.
func fieldNumbers(path string) []int32 {
	var numbers []int32
	message := (*policyv1.Policy)(nil).ProtoReflect().Descriptor()
	for part := range strings.SplitSeq(path, ".") {
		name, index := splitIndex(part)
		if message == nil {
			break
		}
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			break
		}
		numbers = append(numbers, int32(field.Number()))
		if index >= 0 {
			numbers = append(numbers, int32(index))
		}
		message = field.Message()
	}
	return numbers
}

// splitIndex splits "tags[2]" in its name and its index, or -1.
func splitIndex(part string) (string, int) {
	name, rest, found := strings.Cut(part, "[")
	index, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
	if !found || err != nil {
		return name, -1
	}
	return name, index
}
