package consumers

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar"
)

// stranger is a program that knows AMQP and docs/time-consumers.md: nothing of ours is used to read or write its messages.
type stranger struct {
	t        *testing.T
	ch       *amqp091.Channel
	fires    <-chan amqp091.Delivery
	controls <-chan amqp091.Delivery
	returned <-chan amqp091.Return // which no queue took
}

func newStranger(t *testing.T, broker string, schedules ...string) *stranger {
	t.Helper()
	conn, err := amqp091.Dial(broker)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	must(t, err)
	s := &stranger{t: t, ch: ch}
	_, err = ch.QueueDeclare("reports.timed", true, false, false, false, amqp091.Table{"x-queue-type": "quorum"})
	must(t, err)
	for _, name := range schedules {
		must(t, ch.QueueBind("reports.timed", name, "signalbox.schedule", false, nil))
	}
	control, err := ch.QueueDeclare("", false, true, true, false, nil)
	must(t, err)
	must(t, ch.QueueBind(control.Name, "", "signalbox.control", false, nil))
	s.fires, err = ch.Consume("reports.timed", "", false, false, false, false, nil)
	must(t, err)
	s.controls, err = ch.Consume(control.Name, "", true, true, false, false, nil)
	must(t, err)
	must(t, ch.Confirm(false))
	s.returned = ch.NotifyReturn(make(chan amqp091.Return, 16))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type object = map[string]any

// take the next fire, and the delivery to acknowledge.
func (s *stranger) take() (fire object, d amqp091.Delivery) {
	s.t.Helper()
	select {
	case d = <-s.fires:
	case <-time.After(limit):
		s.t.Fatal("no fire came")
	}
	var event object
	must(s.t, json.Unmarshal(d.Body, &event))
	if event["specversion"] != "1.0" || event["type"] != "signalbox.schedule.fired" || d.ContentType != "application/cloudevents+json" {
		s.t.Errorf("%s: %s", d.ContentType, d.Body)
	}
	fire, _ = event["data"].(object)
	return fire, d
}

// tell sends a receipt, as the document says, and waits for the broker's confirm.
func (s *stranger) tell(kind string, fire object, more object) {
	s.t.Helper()
	data := object{"fire_id": fire["id"], "schedule": fire["schedule"], "due": fire["due"], "attempt": fire["attempt"], "service": "reports", "instance": "reports-7"}
	for k, v := range more {
		data[k] = v
	}
	key := "reports.fire." + kind
	body, err := json.Marshal(object{"specversion": "1.0", "id": fmt.Sprintf("%s/%v/%s/%d", fire["id"], fire["attempt"], kind, time.Now().UnixNano()), "source": "/reports/reports-7",
		"type": key, "time": time.Now().UTC().Format(time.RFC3339Nano), "datacontenttype": "application/json", "data": data})
	must(s.t, err)
	wait.For(s.t, limit, "a queue that takes "+key, func() bool { return s.publish(key, body) })
}

// publish is true once a queue has it. The broker returns what none takes, before it confirms that: a scheduler that has only
// just started for the first time has no queue yet.
func (s *stranger) publish(key string, body []byte) bool {
	s.t.Helper()
	confirm, err := s.ch.PublishWithDeferredConfirmWithContext(s.t.Context(), "signalbox.events", key, true, false,
		amqp091.Publishing{ContentType: "application/cloudevents+json", DeliveryMode: amqp091.Persistent, Body: body})
	must(s.t, err)
	if taken, err := confirm.WaitContext(s.t.Context()); err != nil || !taken {
		s.t.Fatalf("the broker did not take %s: %v", key, err)
	}
	select {
	case <-s.returned:
		return false
	default:
		return true
	}
}

// A program that only speaks AMQP handles fires: it fails once, says how far it is, completes, and obeys a cancel.
func TestAnAMQPProgramTakesPart(t *testing.T) {
	t.Parallel()
	broker := amqptest.New(t)
	m := newMesh(t, func(m *meshtest.Mesh, c *sidecar.Config) { m.Bus, c.AMQPURL = nil, broker })
	s := newStranger(t, broker, "reports.nightly", "reports.hourly")
	for _, name := range []string{"reports.nightly", "reports.hourly"} {
		if code := m.call("PUT", "/schedules/"+name, api.Put{Spec: api.Spec{Cron: "0 2 1 1 *", Attempts: 3, BackoffMS: 1, Payload: json.RawMessage(`{"days":30}`)}}, nil); code >= 300 {
			t.Fatal(code)
		}
	}
	id := m.run("reports.nightly")
	fire, d := s.take()
	if payload, _ := fire["payload"].(object); fire["id"] != id || fire["attempt"] != 1.0 || fire["attempts"] != 3.0 || fire["deadline_ms"] != 60000.0 || payload["days"] != 30.0 {
		t.Errorf("%s", d.Body)
	}
	s.tell("failed", fire, object{"error": "the disk is full", "duration_ms": 12})
	must(t, d.Ack(false))
	fire, d = s.take()
	if fire["id"] != id || fire["attempt"] != 2.0 {
		t.Errorf("%s", d.Body)
	}
	s.tell("received", fire, nil)
	s.tell("progress", fire, object{"progress": 0.25, "note": "a quarter"})
	m.fire(id, "the progress", func(f api.Fire) bool {
		return f.State == api.Received && f.Progress != nil && *f.Progress == 0.25 && f.Note == "a quarter"
	})
	s.tell("completed", fire, object{"result": "30 days", "duration_ms": 1200, "started_at": time.Now().UTC().Format(time.RFC3339)})
	must(t, d.Ack(false))
	f := m.fire(id, "the end", func(f api.Fire) bool { return f.EndedAt != nil })
	if f.State != api.Done || f.Result != "30 days" || f.Attempt != 2 || f.Instance != "reports-7" || f.DurationMS == nil || *f.DurationMS != 1200 {
		t.Errorf("%+v", f)
	}

	id = m.run("reports.hourly")
	fire, d = s.take()
	s.tell("received", fire, nil)
	m.fire(id, "it is at work", func(f api.Fire) bool { return f.State == api.Received })
	if code := m.call("POST", "/fires/"+url.PathEscape(id)+"/cancel", api.Cancel{Note: "enough"}, nil); code >= 300 {
		t.Fatal(code)
	}
	for told := false; !told; {
		select {
		case c := <-s.controls:
			var event struct {
				Type string
				Data object
			}
			must(t, json.Unmarshal(c.Body, &event))
			told = event.Type == "signalbox.fire.cancel" && event.Data["fire_id"] == id
		case <-time.After(limit):
			t.Fatal("no cancel came")
		}
	}
	s.tell("failed", fire, object{"error": "cancelled", "final": true})
	must(t, d.Ack(false))
	if f := m.fire(id, "the end", func(f api.Fire) bool { return f.EndedAt != nil }); f.State != api.Failed || f.Reason != api.ReasonCancelled || f.Attempt != 1 {
		t.Errorf("%+v", f)
	}
}
