// Package etag lets HTTP's conditions (RFC 9110, section 13) hold for RPCs whose
// messages have a field that is a version (AIP-154), and refuses them where nobody
// could judge them: to pass over If-Match loses somebody's update.
package etag

import (
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// What [Options].OnShadow is told.
const (
	wouldTag    = "tag"    // the response would have an ETag
	wouldFill   = "fill"   // If-Match would have gone into the request
	wouldRefuse = "refuse" // the block itself would have refused the request
)

// Options say what an RPC's version is. The zero value is that of an RPC without
// one.
type Options struct {
	// Field is the version: of the response where the RPC Reads, else of the request.
	// nil: there is none.
	Field policy.FieldPath
	Reads bool
	// AsStock passes conditions over where no block is in force.
	AsStock bool
	// Shadow tells OnShadow, and does what is done without a block.
	Shadow   bool
	OnShadow policy.ShadowFunc
}

// Conditions are an RPC's. They are immutable and safe for concurrent use.
type Conditions struct {
	Options
	numbers []protoreflect.FieldNumber // of Field
	inForce bool
}

// New returns the conditions of an RPC.
func New(o Options) *Conditions {
	c := &Conditions{Options: o, inForce: o.Field != nil && !o.Shadow}
	for _, field := range o.Field {
		c.numbers = append(c.numbers, field.Number())
	}
	return c
}

// Admit refuses a request whose conditions nobody would judge.
func (c *Conditions) Admit(r *http.Request) error {
	h := r.Header
	match, unmodified, none := h["If-Match"], h["If-Unmodified-Since"], h["If-None-Match"]
	if len(match) == 0 && len(unmodified) == 0 && len(none) == 0 {
		return nil
	}
	if c.Shadow {
		c.tellOfRequest(r)
	}
	switch {
	case c.AsStock && !c.inForce:
		return nil
	case len(none) > 0 && r.Method != http.MethodGet && r.Method != http.MethodHead:
		return unsupported("If-None-Match holds for GET and HEAD alone")
	case len(match) == 0 && len(unmodified) == 0:
		return nil
	case !c.inForce:
		return unsupported("the method has no version that If-Match or If-Unmodified-Since could be compared with")
	case len(match) == 0: // beside If-Match it is to be ignored
		return unsupported("the version is no date: send If-Match with the ETag in place of If-Unmodified-Since")
	case c.Reads:
		_, err := parse(match)
		return err
	}
	_, err := c.wanted(match)
	return err
}

// tellOfRequest says in shadow mode what would be done about If-Match.
func (c *Conditions) tellOfRequest(r *http.Request) {
	enforced := Conditions{Options: c.Options, inForce: true}
	enforced.Shadow = false
	switch err := enforced.Admit(r); {
	case err != nil:
		c.tell(r, wouldRefuse)
	case !c.Reads && len(r.Header["If-Match"]) > 0:
		c.tell(r, wouldFill)
	}
}

func (c *Conditions) tell(r *http.Request, would string) {
	if c.OnShadow != nil {
		c.OnShadow(r.Context(), would)
	}
}

// wanted returns the version that a write is to change, "" for any.
func (c *Conditions) wanted(match []string) (string, error) {
	tags, err := parse(match)
	switch {
	case err != nil:
		return "", err
	case tags.any:
		return "", nil
	case len(tags.strong) == 0: // a weak one never matches (section 13.1.1)
		return "", failed("a weak entity tag in If-Match matches no version")
	case len(tags.strong) > 1:
		return "", unsupported("If-Match has several entity tags: send the one of the version that was read")
	}
	return decode(tags.strong[0]), nil
}

// Fill puts the version of If-Match into a request that changes it.
func (c *Conditions) Fill(r *http.Request, request proto.Message) error {
	match := r.Header["If-Match"]
	if !c.inForce || c.Reads || len(match) == 0 {
		return nil
	}
	version, err := c.wanted(match)
	if err != nil || version == "" {
		return err
	}
	m, last := request.ProtoReflect(), len(c.Field)-1
	for _, field := range c.Field[:last] {
		m = m.Mutable(field).Message()
	}
	if given := m.Get(c.Field[last]).String(); given != "" && given != version {
		return &apierror.Error{
			Code: codes.InvalidArgument, Reason: apierror.InvalidRequest,
			Message: "If-Match and the request's own " + string(c.Field[last].Name()) + " name two versions",
		}
	}
	m.Set(c.Field[last], protoreflect.ValueOfString(version))
	return nil
}

// Present gives the response to a read its ETag, and judges the request's
// conditions by it: the client has the response already, or wants another one.
func (c *Conditions) Present(h http.Header, r *http.Request, response proto.Message) (notModified bool, err error) {
	if c.Field == nil || !c.Reads {
		return false, nil
	}
	tag := encode(c.versionOf(response))
	if c.Shadow {
		if tag != "" {
			c.tell(r, wouldTag)
		}
		return false, nil
	}
	if tag != "" {
		h["Etag"] = []string{tag}
	}
	if match := r.Header["If-Match"]; len(match) > 0 {
		if tags, err := parse(match); err != nil || !tags.any && !tags.holds(tag) {
			return false, failed("the version is none of those in If-Match")
		}
	}
	return tag != "" && holdsWeakly(r.Header["If-None-Match"], tag), nil
}

// Failed returns the error of a call: an ABORTED to If-Match is the condition's.
func (c *Conditions) Failed(r *http.Request, err error) error {
	match := r.Header["If-Match"]
	if !c.inForce || c.Reads || len(match) == 0 || status.Code(err) != codes.Aborted || apierror.As(err) != nil {
		return err
	}
	if version, wrong := c.wanted(match); wrong != nil || version == "" {
		return err
	}
	aborted := failed(status.Convert(err).Message())
	aborted.Cause = err
	return aborted
}

func unsupported(message string) error {
	return &apierror.Error{Code: codes.InvalidArgument, Reason: apierror.PreconditionUnsupported, Message: message}
}

func failed(message string) *apierror.Error {
	return &apierror.Error{
		Code: codes.Aborted, Reason: apierror.PreconditionFailed, Message: message, HTTPStatus: http.StatusPreconditionFailed,
	}
}
