package transcode

import (
	"net/http"

	"google.golang.org/protobuf/proto"
)

// admit refuses a request whose conditions nobody would judge.
func (rt *Route) admit(w http.ResponseWriter, r *http.Request) bool {
	if rt.options.Conditions == nil {
		return true
	}
	if err := rt.options.Conditions.Admit(r); err != nil {
		rt.WriteError(w, r, err)
		return false
	}
	return true
}

// fill adds to a request's message what its conditions say.
func (rt *Route) fill(r *http.Request, message proto.Message) error {
	if rt.options.Conditions == nil {
		return nil
	}
	return rt.options.Conditions.Fill(r, message)
}

// failed returns the error that is written for one of the call.
func (rt *Route) failed(r *http.Request, err error) error {
	if rt.options.Conditions == nil {
		return err
	}
	return rt.options.Conditions.Failed(r, err)
}

// conclude judges a request's conditions by a success, and reports whether its
// response is written.
func (rt *Route) conclude(w http.ResponseWriter, r *http.Request, response proto.Message) bool {
	if rt.options.Conditions == nil {
		return false
	}
	notModified, err := rt.options.Conditions.Present(w.Header(), r, response)
	switch {
	case err != nil:
		rt.WriteError(w, r, err)
	case notModified:
		w.WriteHeader(http.StatusNotModified)
	default:
		return false
	}
	return true
}
