-- What was written and is not told to others yet. A row is written in the
-- transaction of its change and deleted once the event is published.

-- +goose Up
CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY NOT NULL, -- in the order of the changes of one entity
    entity          TEXT NOT NULL,                -- whose events keep their order
    subject         TEXT NOT NULL,
    message_id      TEXT NOT NULL UNIQUE,
    payload         TEXT NOT NULL,
    trace_parent    TEXT NOT NULL,                -- of the call that made the change, or ''
    created_at      BIGINT NOT NULL,
    attempts        BIGINT NOT NULL,              -- 0: nobody has taken it
    next_attempt_at BIGINT NOT NULL               -- nobody takes it before that
);

CREATE INDEX outbox_of_entity ON outbox (entity, id);

-- +goose Down
DROP TABLE outbox;
