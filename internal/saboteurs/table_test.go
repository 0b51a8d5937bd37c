package saboteurs_test

// saboteur replaces code, which stands in its file once, so that a promise does not hold any more. test is the proof of the promise.
type saboteur struct {
	breaks    string
	file      string
	code, bad string
	pkg, test string
}

func saboteurs() []saboteur {
	return []saboteur{
		{"L-1: what was not acknowledged is sent again", "sidecar/ship/stream.go",
			`if err != nil {
		return fmt.Errorf("export logs: %w", err)
	}`, `if err != nil {
		_ = fmt.Errorf("export logs: %w", err)
		return nil
	}`, "./sidecar/ship", "TestL10_|TestL3_"},
		{"L-2: what has a sync behind it survives a power cut", "sidecar/spool/flush.go",
			`err := f.Sync()`, `err := error(nil)`, "./sidecar/spool", "TestL2_"},
		{"L-10: nothing is stored twice", "maintenance/internal/ledger/ledger.go",
			`return s.fill(seq)`, `return s.fill(seq) || true`, "./maintenance/internal/ledger", "TestLaw"},
		{"S-6: a changed row of the audit is found", "maintenance/internal/postgres/migration/00002_leases.sql",
			`a.subject, a.detail, encode(a.prev, 'hex')`, `a.subject, encode(a.prev, 'hex')`, "./maintenance/internal/postgres", "TestS6_ATamperedAudit"},
		{"no secret is in a log", "sidecar/logging/redact.go",
			`return f.rules.Text(s, f.tally.found)`, `return s`, "./sidecar/logging", "TestCanaries"},
		{"a forged control message is ignored", "sidecar/fleet/control.go",
			`payload, err := a.settings.Verify(token, authority)
	if err != nil {`, `payload, err := a.settings.Verify(token, authority)
	if err != nil && payload != nil {`, "./sidecar/fleet", "TestForged"},
		{"a forged answer to a lease is ignored", "sidecar/servicetoken/asker.go",
			`err == nil && hmac.Equal(got, sum(secret, said))`, `err == nil && len(got) == len(sum(secret, said))`, "./sidecar/servicetoken", "TestAnAnswer"},
		{"B-7: what no queue takes is said", "sidecar/bus/amqp/publisher.go",
			`if p.wasReturned(int64(c.DeliveryTag)) {`, `if p.wasReturned(int64(c.DeliveryTag)) && !c.Acked() {`, "./sidecar/bus/amqp", "TestConformance"},
		{"O-1: an event that commits late is published", "sidecar/outbox/batch.go",
			`FROM outbox WHERE published_at IS NULL AND id >= $3 ORDER BY id LIMIT $1)`,
			`FROM outbox WHERE published_at IS NULL AND id >= $3 AND id > coalesce((SELECT max(id) FROM outbox WHERE published_at IS NOT NULL), 0) ORDER BY id LIMIT $1)`,
			"./sidecar/outbox", "TestO1_"},
		{"O-1: the relay's floor waits for who is writing", "sidecar/outbox/floor.go",
			`f.round, f.highest, f.writers = f.round+1, seen.highest, seen.writers`, `f.round, f.highest, f.writers = f.round+1, seen.highest, nil`, "./sidecar/outbox", "TestALowerID"},
		{"O-6: an effect happens once", "sidecar/outbox/inbox.go",
			`first, err := Once(ctx, tx, queue, d.Source, d.ID)
			if err != nil || !first {`, `_, err := Once(ctx, tx, queue, d.Source, d.ID)
			if err != nil {`, "./sidecar/outbox", "TestO6_"},
		{"C-2: a leader of before writes nothing", "services/scheduler/internal/postgres/term.go",
			`if current != t.epoch {`, `if current < t.epoch {`, "./services/scheduler/internal/postgres", "TestC2_"},
		{"C-12: a due time without an end is overdue", "maintenance/internal/overdue/overdue.go",
			`case e.Due.After(next):
			return join(t, ends)`, `case false:
			return join(t, ends)`, "./maintenance/internal/overdue", "TestEndsInAnyOrder"},
		{"W-11: who the caller is, is not the caller's to say", "services/gateway/internal/edge/header.go",
			`if foreign(name) {`, `if foreign(name) && name == "" {`, "./services/gateway/internal/edge", "TestW11_"},
	}
}
