package rabbitmq

import (
	"testing"
	"time"
)

func TestParseLine(t *testing.T) {
	t.Parallel()
	got, ok := ParseLine(`2026-11-21 06:48:09.338344+01:00 [warning] <0.673.0> closing AMQP connection [x] <y>`)
	want := Line{
		Time:  time.Date(2026, 11, 21, 5, 48, 9, 338344000, time.UTC),
		Level: "warning", Process: "<0.673.0>", Message: "closing AMQP connection [x] <y>",
	}
	if !ok || !got.Time.Equal(want.Time) {
		t.Fatalf("got %+v, %v", got, ok)
	}
	if got.Time = want.Time; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, line := range []string{"", "  ##  ##      RabbitMQ 3.10.8", "2026-13-41 06:48:09.338344+01:00 [info] <0.1.0> x", "[info] <0.1.0>"} {
		if got, ok := ParseLine(line); ok {
			t.Errorf("%q gave %+v", line, got)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add(`2026-11-21 06:48:09.338344+01:00 [warning] <0.673.0> closing`)
	f.Fuzz(func(t *testing.T, line string) {
		if l, ok := ParseLine(line); ok && (l.Time.IsZero() || l.Level == "") {
			t.Errorf("%q gave %+v", line, l)
		}
	})
}
