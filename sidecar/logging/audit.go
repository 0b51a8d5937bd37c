package logging

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// Audit makes an audit record at INFO, whatever l's level: it lies among the errors, is kept as long, and waits for
// the disk (10 ms at most) like one. Where l stands inside a group, audit=true lies outside of it all the same.
//
// A plain call with audit=true is classed so too, but slog asks for the level before it knows the attributes, so that
// a raised level swallows it. A logger made by With(KeyAudit, true) is enabled at every level.
func Audit(ctx context.Context, l *slog.Logger, msg string, attrs ...slog.Attr) {
	to := l.Handler()
	r := slog.NewRecord(time.Now(), slog.LevelInfo, msg, 0)
	if own, ok := to.(*handler); ok {
		to = own.audited()
		attrs = slices.DeleteFunc(slices.Clone(attrs), isAudit)
	} else if !slices.ContainsFunc(attrs, isAudit) {
		r.AddAttrs(slog.Bool(KeyAudit, true))
	}
	r.AddAttrs(attrs...)
	_ = to.Handle(ctx, r) // slog ignores it too
}

// audited is h with audit=true before all other attributes, outside of the groups.
func (h *handler) audited() *handler {
	if h.audit {
		return h
	}
	c := *h
	c.audit, c.always = true, true
	c.count++
	c.attrs = append([]byte(nil), `"`+KeyAudit+`":true`...)
	if len(h.attrs) > 0 {
		c.attrs = append(append(c.attrs, ','), h.attrs...)
	}
	return &c
}
