-- PostgreSQL alone: what it needs told to do as SQLite does. It compares texts byte
-- by byte, whatever the locale of the database, and numbers the rows of outbox.

-- +goose Up
ALTER TABLE users ALTER COLUMN id TYPE TEXT COLLATE "C";
ALTER TABLE subscriptions ALTER COLUMN user_id TYPE TEXT COLLATE "C";
ALTER TABLE vendors ALTER COLUMN id TYPE TEXT COLLATE "C", ALTER COLUMN owner_id TYPE TEXT COLLATE "C";
ALTER TABLE outbox ALTER COLUMN entity TYPE TEXT COLLATE "C", ALTER COLUMN id TYPE BIGINT;
ALTER TABLE outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

-- +goose Down
ALTER TABLE outbox ALTER COLUMN id DROP IDENTITY;
