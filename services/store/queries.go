package store

// Every statement that a method runs. Parameters are numbered, conflicts are
// resolved by ON CONFLICT and changed rows come back by RETURNING, which SQLite
// and PostgreSQL write alike.
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
			updated_at = $10,
			revision = revision + 1
		WHERE id = $1 AND owner_id = $2 AND ($11 = 0 OR revision = $11)
		RETURNING ` + vendorColumns

	moveVendor = `UPDATE vendors SET lat = $3, lng = $4, updated_at = $5, revision = revision + 1 WHERE id = $1 AND owner_id = $2`

	deleteVendor = `DELETE FROM vendors WHERE id = $1 AND owner_id = $2 AND ($3 = 0 OR revision = $3)`

	// A user that was seen before it was reported has no e-mail address yet.
	upsertUser = `
		INSERT INTO users (id, email, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET email = excluded.email WHERE users.email = ''`

	deleteUser = `DELETE FROM users WHERE id = $1`

	deleteVendorsOf = `DELETE FROM vendors WHERE owner_id = $1`

	upsertSubscription = `
		INSERT INTO subscriptions (user_id, id, product, updated_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id) DO UPDATE SET
			id = excluded.id, product = excluded.product, updated_at = excluded.updated_at`

	deleteSubscriptionOf = `DELETE FROM subscriptions WHERE user_id = $1`

	insertSetting = `INSERT INTO settings (name, value) VALUES ($1, $2)`

	selectSetting = `SELECT value FROM settings WHERE name = $1`
)
