package main

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/process"
)

// TestOneProgramTwice holds that a program can run again after it has ended.
func TestOneProgramTwice(t *testing.T) {
	p := program()
	data := t.TempDir()
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		err := process.Run(ctx, p, process.Options{
			Environ: []string{"VENTA_HTTP=127.0.0.1:0", "VENTA_ADMIN=127.0.0.1:0"}, Data: data, Local: true,
			OnStart: func(s process.Started) error {
				defer cancel()
				return list(ctx, s)
			},
		})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// list lists the vendors, which needs the store.
func list(ctx context.Context, s process.Started) error {
	keys, err := devkeys.Open(s.Data)
	if err != nil {
		return err
	}
	token, err := keys.Sign(devkeys.Claims{Subject: "ada", TTL: time.Minute})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.HTTPURL+"/v2/vendors", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}
