package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/propagation"
)

// The subjects of events. The type of an event is its subject without "events.".
const (
	SubjectVendorCreated = "events.vendor.created"
	SubjectVendorUpdated = "events.vendor.updated"
	SubjectVendorDeleted = "events.vendor.deleted"
	SubjectVendorMoved   = "events.vendor.location.updated"
	SubjectUserCreated   = "events.user.created"
	SubjectUserDeleted   = "events.user.deleted"
)

const subjectPrefix = "events."

// settle is how long the move of a vendor waits for its next one, which replaces
// it: one that moves all the time has an event a second at most, however often it
// moves. Whatever else happens to it ends the wait.
const settle = time.Second

// Envelope is the payload of every event, in JSON.
type Envelope struct {
	Type string `json:"type"`
	// Data is a VendorEvent or a UserEvent.
	Data any `json:"data"`
	// MessageID is the same for each delivery of the event.
	MessageID string `json:"messageId"`
	// Timestamp is when it happened: RFC 3339, UTC, in microseconds.
	Timestamp string `json:"timestamp"`
}

// VendorEvent is what everybody may know of a vendor: its owner is not in it. After
// an event of creation or change it has all of the vendor, after a move Coordinates,
// after a deletion the ID and the revision alone.
type VendorEvent struct {
	ID string `json:"id"`
	// Revision grows with each event of a vendor, be it by more than one.
	Revision    int64              `json:"revision"`
	Profile     *VendorEventFields `json:"profile,omitempty"`
	Coordinates *Coordinates       `json:"coordinates,omitempty"`
	CreatedAt   string             `json:"createdAt,omitempty"`
	UpdatedAt   string             `json:"updatedAt,omitempty"`
}

// VendorEventFields are the fields of a vendor's profile.
type VendorEventFields struct {
	Name         string `json:"name"`
	Description  string `json:"description"`
	Phone        string `json:"phone"`
	Email        string `json:"email"`
	Website      string `json:"website"`
	ProfileImage string `json:"profileImage"`
	IsOpen       bool   `json:"isOpen"`
}

// Coordinates are a last known position.
type Coordinates struct {
	Lat float64 `json:"lat"`
	Lng float64 `json:"lng"`
}

// UserEvent is what is told of a user.
type UserEvent struct {
	ID string `json:"id"`
}

// tellVendor tells of a vendor as it is now.
func (c *change) tellVendor(ctx context.Context, subject string, v Vendor) error {
	data := VendorEvent{
		ID: v.ID, Revision: v.Revision, CreatedAt: stamp(v.CreatedAt.UnixMicro()), UpdatedAt: stamp(v.UpdatedAt.UnixMicro()),
		Profile: &VendorEventFields{
			Name: v.Name, Description: v.Description, Phone: v.Phone, Email: v.Email,
			Website: v.Website, ProfileImage: v.ProfileImage, IsOpen: v.Open,
		},
	}
	if v.Position != nil {
		data.Coordinates = &Coordinates{v.Position.Lat, v.Position.Lng}
	}
	return c.tell(ctx, vendorEntity(v.ID), subject, data)
}

// tellGone tells of a vendor that was deleted at a revision.
func (c *change) tellGone(ctx context.Context, id string, revision int64) error {
	return c.tell(ctx, vendorEntity(id), SubjectVendorDeleted, VendorEvent{ID: id, Revision: revision + 1})
}

// tellMoved tells of a move, in place of one before it that nobody has taken yet and
// that nothing has followed.
func (c *change) tellMoved(ctx context.Context, id string, p Position, revision, at int64) error {
	e, err := newEvent(ctx, SubjectVendorMoved, c.now, VendorEvent{
		ID: id, Revision: revision, Coordinates: &Coordinates{p.Lat, p.Lng}, UpdatedAt: stamp(at),
	})
	if err != nil {
		return err
	}
	entity := vendorEntity(id)
	result, err := c.ExecContext(ctx, replaceEvent, entity, e.subject, e.messageID, e.payload, e.traceParent)
	if err != nil {
		return err
	}
	if replaced, err := result.RowsAffected(); err != nil || replaced > 0 {
		return err
	}
	return c.insert(ctx, entity, e, c.now+settle.Microseconds())
}

func (c *change) tellUser(ctx context.Context, subject, id string) error {
	return c.tell(ctx, "user:"+id, subject, UserEvent{ID: id})
}

// tell writes an event that is to be published at once, after those before it.
func (c *change) tell(ctx context.Context, entity, subject string, data any) error {
	e, err := newEvent(ctx, subject, c.now, data)
	if err != nil {
		return err
	}
	if _, err := c.ExecContext(ctx, hastenEvents, entity, c.now); err != nil {
		return err
	}
	return c.insert(ctx, entity, e, c.now)
}

func (c *change) insert(ctx context.Context, entity string, e event, due int64) error {
	c.told = true
	_, err := c.ExecContext(ctx, insertEvent, entity, e.subject, e.messageID, e.payload, e.traceParent, c.now, due)
	return err
}

// event is a row of the outbox that is to be.
type event struct{ subject, messageID, payload, traceParent string }

func newEvent(ctx context.Context, subject string, at int64, data any) (event, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return event{}, err
	}
	payload, err := json.Marshal(Envelope{
		Type: subject[len(subjectPrefix):], Data: data, MessageID: id.String(), Timestamp: stamp(at),
	})
	if err != nil {
		return event{}, err
	}
	trace := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, trace)
	return event{subject, id.String(), string(payload), trace.Get("traceparent")}, nil
}

func vendorEntity(id string) string { return "vendor:" + id }

func stamp(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000000Z")
}
