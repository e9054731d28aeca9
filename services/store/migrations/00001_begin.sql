-- Times are microseconds since 1970-01-01 UTC.

-- +goose Up
CREATE TABLE users (
    id         TEXT PRIMARY KEY NOT NULL,
    email      TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE subscriptions (
    user_id    TEXT PRIMARY KEY NOT NULL REFERENCES users (id),
    id         TEXT NOT NULL,
    product    TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE vendors (
    id            TEXT PRIMARY KEY NOT NULL,
    owner_id      TEXT NOT NULL REFERENCES users (id),
    name          TEXT NOT NULL,
    description   TEXT NOT NULL,
    phone         TEXT NOT NULL,
    email         TEXT NOT NULL,
    website       TEXT NOT NULL,
    profile_image TEXT NOT NULL,
    is_open       BOOLEAN NOT NULL,
    lat           DOUBLE PRECISION,
    lng           DOUBLE PRECISION,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    CHECK (lat BETWEEN -90 AND 90),
    CHECK (lng BETWEEN -180 AND 180),
    CHECK ((lat IS NULL) = (lng IS NULL))
);

CREATE INDEX vendors_in_order ON vendors (created_at, id);
CREATE INDEX vendors_of_owner ON vendors (owner_id, created_at, id);
CREATE INDEX vendors_on_map ON vendors (lat, lng) WHERE lat IS NOT NULL;

CREATE TABLE settings (
    name  TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

-- +goose Down
DROP TABLE settings;
DROP TABLE vendors;
DROP TABLE subscriptions;
DROP TABLE users;
