package stream

import (
	"bytes"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/policy"
)

// slow is a client that takes one message each time that it is asked.
type slow struct {
	take  chan struct{}
	taken []string
}

func (s *slow) write(message []byte) error {
	<-s.take
	s.taken = append(s.taken, string(message))
	return nil
}

func (s *slow) told(dropped int) error {
	s.taken = append(s.taken, "dropped "+strconv.Itoa(dropped))
	return nil
}

// TestSlowClients holds what each rule does once more waits than may, and that memory is
// bounded by it.
func TestSlowClients(t *testing.T) {
	message := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i)}, 100-overhead) }
	for _, tt := range []struct {
		rule policy.SlowConsumer
		want []string
		err  error
	}{
		{policy.SlowDropsOldest, []string{string(message(0)), "dropped 5", string(message(6)), string(message(7)), string(message(8)), string(message(9))}, nil},
		{policy.SlowEnds, []string{string(message(0)), string(message(1)), string(message(2)), string(message(3)), string(message(4))}, errSlow},
	} {
		synctest.Test(t, func(t *testing.T) {
			client := &slow{take: make(chan struct{})}
			o := &outbox{rule: tt.rule, limit: 400, write: client.write, told: client.told}
			var err error
			for i := range 10 {
				if err = o.send(message(i)); err != nil {
					break
				}
				synctest.Wait() // the writer holds the first
				if o.bytes > o.limit {
					t.Errorf("%d bytes wait", o.bytes)
				}
			}
			if !errors.Is(err, tt.err) {
				t.Error(err)
			}
			close(client.take)
			o.flush(nil)
			if diff := cmp.Diff(tt.want, client.taken); diff != "" {
				t.Errorf("rule %d (-want +got):\n%s", tt.rule, diff)
			}
		})
	}
}

// TestAMessageLargerThanTheBuffer holds that one message always has room.
func TestAMessageLargerThanTheBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &slow{take: make(chan struct{})}
		close(client.take)
		o := &outbox{rule: policy.SlowEnds, limit: 1, write: client.write, told: client.told}
		for range 3 {
			if err := o.send([]byte("large")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if len(client.taken) != 3 {
			t.Error(client.taken)
		}
	})
}

// TestAFailedWrite holds that the sender learns of it, and that nothing is written
// behind it.
func TestAFailedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writes, broken := 0, errors.New("broken")
		o := &outbox{rule: policy.SlowDropsOldest, limit: 1000, write: func([]byte) error { writes++; return broken }}
		if err := o.send([]byte("a")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := o.send([]byte("b")); !errors.Is(err, broken) || writes != 1 {
			t.Errorf("%v after %d writes", err, writes)
		}
		o.discard(broken)
	})
}
