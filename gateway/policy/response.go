package policy

import (
	"fmt"
	"net/http"
)

func (r *Response) limits() faults {
	var found faults
	switch r.Status {
	case 0, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
	default:
		found.add("response.status", fmt.Sprintf("%d is not a status of a success", r.Status), "write 200, 201, 202 or 204")
	}
	if r.Location != "" {
		found = append(found, r.locationLimits()...)
	}
	return found
}

func (r *Response) locationLimits() faults {
	const remedy = `write a path such as "/v1/orders/{id}"`
	var found faults
	if _, err := ParseTemplate(r.Location); err != nil {
		found.add("response.location", err.Error(), remedy)
	} else if !isPath(r.Location) {
		found.add("response.location", fmt.Sprintf("%q is not a path", r.Location), remedy)
	}
	if r.Status != http.StatusCreated && r.Status != http.StatusAccepted {
		found.add("response.location", "only the statuses 201 and 202 have a Location", "write one of them as the status")
	}
	return found
}

func (r *Response) rules(rpc RPC, _ Method) faults {
	var found faults
	if rpc.ServerStreaming && (r.Status != 0 && r.Status != http.StatusOK) {
		found.add("response.status", "the response of a stream begins before it is known to succeed", "remove the status, which is then 200")
	}
	found.templateFields("response.location", rpc.Output, r.Location)
	return found
}
