package store

// Every statement that a method runs, for both engines: parameters are numbered,
// conflicts are resolved by ON CONFLICT and changed rows come back by RETURNING,
// which SQLite and PostgreSQL write alike. PostgreSQL takes a parameter to be of the
// type that it first stands beside: 8 bytes beside a column, 4 beside 0.
const (
	vendorColumns = `id, name, description, phone, email, website, profile_image, is_open, lat, lng, created_at, updated_at, revision`

	countSettings = `SELECT COUNT(*) FROM settings`

	selectVendor = `SELECT ` + vendorColumns + ` FROM vendors WHERE id = $1`

	selectOwnVendor = `SELECT ` + vendorColumns + ` FROM vendors WHERE id = $1 AND owner_id = $2`

	selectVendors = `
		SELECT ` + vendorColumns + ` FROM vendors
		WHERE (created_at, id) > ($1, $2)
		ORDER BY created_at, id LIMIT $3`

	selectVendorsOf = `
		SELECT id, name FROM vendors
		WHERE owner_id = $1
		ORDER BY created_at, id LIMIT $2`

	selectVendorsIn = `
		SELECT id, name, lat, lng FROM vendors
		WHERE lat BETWEEN $1 AND $2 AND (lng BETWEEN $3 AND $4 OR lng BETWEEN $5 AND $6)
		ORDER BY id LIMIT $7`

	insertVendor = `
		INSERT INTO vendors (` + vendorColumns + `, owner_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, NULL, $9, $9, 1, $10)
		RETURNING ` + vendorColumns

	updateVendor = `
		UPDATE vendors SET
			name = COALESCE($3, name),
			description = COALESCE($4, description),
			phone = COALESCE($5, phone),
			email = COALESCE($6, email),
			website = COALESCE($7, website),
			profile_image = COALESCE($8, profile_image),
			is_open = COALESCE($9, is_open),
			updated_at = CASE WHEN updated_at < $10 THEN $10 ELSE updated_at END,
			revision = revision + 1
		WHERE id = $1 AND owner_id = $2 AND (revision = $11 OR $11 = 0)
		RETURNING ` + vendorColumns

	moveVendor = `
		UPDATE vendors SET
			lat = $3,
			lng = $4,
			updated_at = CASE WHEN updated_at < $5 THEN $5 ELSE updated_at END,
			revision = revision + 1
		WHERE id = $1 AND owner_id = $2
		RETURNING id, revision, updated_at`

	deleteVendor = `
		DELETE FROM vendors
		WHERE id = $1 AND owner_id = $2 AND (revision = $3 OR $3 = 0)
		RETURNING id, revision, updated_at`

	selectLatest = `SELECT COALESCE(MAX(created_at), 0) FROM vendors`

	// A user that was seen before it was reported has no e-mail address yet. The
	// user cannot be deleted until the transaction ends, be there a change or not.
	upsertUser = `
		INSERT INTO users (id, email, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET email = excluded.email WHERE users.email = ''
		RETURNING created_at`

	// lockUser has whoever is about to use the user wait.
	lockUser = `UPDATE users SET email = email WHERE id = $1`

	deleteUser = `DELETE FROM users WHERE id = $1`

	deleteVendorsOf = `DELETE FROM vendors WHERE owner_id = $1 RETURNING id, revision, updated_at`

	upsertSubscription = `
		INSERT INTO subscriptions (user_id, id, product, updated_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id) DO UPDATE SET
			id = excluded.id, product = excluded.product, updated_at = excluded.updated_at`

	deleteSubscriptionOf = `DELETE FROM subscriptions WHERE user_id = $1`

	insertSetting = `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`

	selectSetting = `SELECT value FROM settings WHERE name = $1`

	insertEvent = `
		INSERT INTO outbox (entity, subject, message_id, payload, trace_parent, created_at, attempts, next_attempt_at)
		VALUES ($1, $2, $3, $4, $5, $6, 0, $7)`

	// Nobody has taken the last event of the entity, and it is of the same subject.
	replaceEvent = `
		UPDATE outbox SET message_id = $3, payload = $4, trace_parent = $5
		WHERE id = (SELECT MAX(id) FROM outbox WHERE entity = $1) AND subject = $2 AND attempts = 0`

	hastenEvents = `
		UPDATE outbox SET next_attempt_at = $2
		WHERE entity = $1 AND attempts = 0 AND next_attempt_at > $2`

	// What waits holds up what follows it.
	selectEvents = `
		SELECT id, entity, subject, message_id, payload, trace_parent, created_at, attempts FROM outbox AS o
		WHERE next_attempt_at <= $1 AND NOT EXISTS (
			SELECT 1 FROM outbox AS e WHERE e.entity = o.entity AND e.id < o.id AND e.next_attempt_at > $1)
		ORDER BY id LIMIT $2`

	// The numbers follow.
	leaseEvents  = `UPDATE outbox SET attempts = attempts + 1, next_attempt_at = $1 WHERE id IN `
	deleteEvents = `DELETE FROM outbox WHERE id IN `

	delayEvents = `UPDATE outbox SET next_attempt_at = $3 WHERE entity = $1 AND id >= $2`

	countEvents = `
		SELECT COUNT(*), (SELECT created_at FROM outbox ORDER BY id LIMIT 1)
		FROM (SELECT id FROM outbox LIMIT $1) AS o`
)

// selectAfterPassed finds, among the rows of these numbers, those that come after one
// of their entity that is not among them.
func selectAfterPassed(numbers string) string {
	return `
		SELECT id FROM outbox AS o WHERE id IN ` + numbers + ` AND EXISTS (
			SELECT 1 FROM outbox AS e WHERE e.entity = o.entity AND e.id < o.id AND e.id NOT IN ` + numbers + `)`
}
