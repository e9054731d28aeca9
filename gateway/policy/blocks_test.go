package policy

import (
	"reflect"
	"testing"
)

// TestEveryBlockIsValidated holds that no block of a policy is passed over.
func TestEveryBlockIsValidated(t *testing.T) {
	var m Method
	all := reflect.ValueOf(&m).Elem()
	for _, field := range all.Fields() {
		switch field.Kind() {
		case reflect.Pointer:
			field.Set(reflect.New(field.Type().Elem()))
		default:
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		}
	}
	if got := len(m.blocks()); got != all.NumField() {
		t.Errorf("%d blocks are validated, and a policy has %d", got, all.NumField())
	}
}
