package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/venta-hq/venta/gateway/admin"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
)

const (
	adminTokensField = "admin_access.tokens_file"
	exposedAdmin     = "other machines reach this address, and no token is asked for; set admin_access.tokens_file (the command admintoken makes " +
		"its entries; probes of health need none), or listen on 127.0.0.1, or, where only operators reach it, set admin_access.open"
)

// adminTokens knows the operators' tokens. It refuses an address that everybody
// could use without anybody having said so.
func (p *preparation) adminTokens() auth.KeyVerifier {
	cfg := p.loaded.Config
	access := cfg.GetAdminAccess()
	if access.GetTokensFile() == "" {
		if !access.GetOpen() && !config.Loopback(cfg.GetAdmin()) {
			p.wrong("admin", errors.New(exposedAdmin))
		}
		return nil
	}
	if p.noFiles {
		return unready{}
	}
	file := p.loaded.File(adminTokensField)
	tokens, err := parseAdminTokens(file.Path, []byte(file.Content.Reveal()))
	if err != nil {
		p.wrong(adminTokensField, err)
		return nil
	}
	return tokens
}

// parseAdminTokens reads the entries of operators' tokens: those of API keys, with
// the one role that is theirs.
func parseAdminTokens(name string, text []byte) (*auth.APIKeys, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var entries []auth.APIKey
	if err := decoder.Decode(&entries); err != nil {
		return nil, fmt.Errorf("admin tokens %s: %w", name, err)
	}
	var errs []error
	for i, entry := range entries {
		if len(entry.Roles) != 1 || roleOf(entry.Roles) == "" {
			errs = append(errs, fmt.Errorf(`admin tokens %s: entry %d: its roles are not one of "read" and "operate"; write one`, name, i+1))
		}
		if len(entry.Scopes) > 0 || len(entry.Claims) > 0 {
			errs = append(errs, fmt.Errorf("admin tokens %s: entry %d: it has scopes or claims, which mean nothing here; remove them", name, i+1))
		}
	}
	tokens, err := auth.NewAPIKeys(entries)
	if err != nil {
		errs = append(errs, fmt.Errorf("admin tokens %s: %w", name, err))
	}
	return tokens, errors.Join(errs...)
}

// roleOf returns the role of an operator, or nothing.
func roleOf(roles []string) admin.Role {
	for _, role := range []admin.Role{admin.RoleOperate, admin.RoleRead} {
		if slices.Contains(roles, string(role)) {
			return role
		}
	}
	return ""
}

// adminAccess says who may use the admin address.
func (p *process) adminAccess() admin.Access {
	cfg := p.loaded.Config
	access := admin.Access{OpenMetrics: cfg.GetAdminAccess().GetOpenMetrics(), Logger: p.logs.Logger}
	if p.adminTokens == nil {
		return access // everybody, which was asked for or is this machine alone
	}
	access.Optional = config.Loopback(cfg.GetAdmin()) && !cfg.GetAdminAccess().GetRequireOnLoopback()
	access.Verify = func(ctx context.Context, token string) (admin.Operator, error) {
		principal, err := p.adminTokens.VerifyKey(ctx, token)
		if err != nil {
			return admin.Operator{}, err
		}
		return admin.Operator{Name: principal.KeyID(), Role: roleOf(principal.Roles())}, nil
	}
	return access
}
