-- The version of a vendor: it grows by one with each change, a move included.

-- +goose Up
ALTER TABLE vendors ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE vendors DROP COLUMN revision;
