package lease

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// admit checks what is asked for, and whether he may who asks. Errors are *problem.Error.
func (s *Service) admit(by access.Principal, r *Request) (ttl time.Duration, err error) {
	if ttl, err = r.check(s.Config); err != nil {
		return 0, err
	}
	if err := may(by, r.Lease); err != nil {
		return 0, err
	}
	if r.Keep && !holds(by, access.Admin, r.Service) {
		return 0, problem.New(problem.Forbidden, "a lease without an end needs the role admin; give it a time to live")
	}
	return ttl, nil
}

// may says whether he may change what the lease is for.
func may(by access.Principal, l Lease) error {
	switch {
	case holds(by, access.Operator, l.Service):
		return nil
	case l.Service == "":
		return problem.New(problem.Forbidden, "a lease for all services needs the role operator for all of them")
	default:
		return problem.New(problem.Forbidden, "the role operator is needed for "+l.Service)
	}
}

// holds the role for the service, or for all of them.
func holds(by access.Principal, role access.Role, service string) bool {
	if service == "" {
		_, all := by.Scope(role)
		return all
	}
	return by.Has(role, service)
}

// strict refuses a lease that nothing that runs matches.
func (s *Service) strict(ctx context.Context, l Lease) error {
	members, err := s.Store.Members(ctx, l.Service, l.Instance)
	if err != nil {
		return stored("read the fleet", err)
	}
	warnings := s.unmatched(l, members)
	if warnings == nil {
		return nil
	}
	name := "/logger"
	if len(members) == 0 {
		name = map[bool]string{true: "/service", false: "/instance"}[l.Instance == ""]
	}
	return &problem.Error{Code: problem.Invalid, Detail: "the lease is for nothing that runs", Fields: []problem.Field{{Name: name, Detail: warnings[0]}}}
}

// look asks, while the lease is stored, whether an instance has its logger: while the instances are told, every processor is
// theirs. It says true, too, when that is not known.
func (s *Service) look(ctx context.Context, l Lease) <-chan bool {
	has := make(chan bool, 1)
	if l.Logger == "" {
		has <- true
		return has
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Config.Wait)
	go func() {
		defer cancel()
		found, err := s.Store.HasLogger(ctx, l.Service, l.Instance, l.Logger)
		if err != nil {
			s.Logger.DebugContext(ctx, "whether a lease matches is not known", slog.Any("err", err))
		}
		has <- found || err != nil
	}()
	return has
}

// warn says what of a lease means nothing.
func (s *Service) warn(l Lease, targets []Target, has <-chan bool) []string {
	switch {
	case len(targets) == 0:
		return append(s.unmatched(l, nil), outside(l)...)
	case l.Logger == "":
		return outside(l)
	case <-has:
		return nil
	default:
		return []string{noLogger(l)}
	}
}

func noLogger(l Lease) string {
	return fmt.Sprintf("nothing matches: no live instance has the logger %q, or one below it", l.Logger)
}

// unmatched says what of the lease nothing that runs matches; nil: nothing.
func (s *Service) unmatched(l Lease, members []Member) []string {
	switch {
	case len(members) == 0 && s.unknown(l.Service):
		return []string{fmt.Sprintf("nothing matches: no service is named %q", l.Service)}
	case len(members) == 0 && l.Instance != "":
		return []string{fmt.Sprintf("nothing matches: no live instance of %s is named %q", l.Service, l.Instance)}
	case len(members) == 0 && l.Service != "":
		return []string{fmt.Sprintf("nothing matches: no instance of %q is live", l.Service)}
	case len(members) == 0:
		return []string{"nothing matches: no instance is live"}
	case !slices.ContainsFunc(members, func(m Member) bool { return m.has(l.Logger) }):
		return []string{noLogger(l)}
	default:
		return nil
	}
}

func (s *Service) unknown(service string) bool {
	if service == "" || s.Known == nil {
		return false
	}
	known := s.Known()
	return len(known) > 0 && !slices.Contains(known, service)
}

// outside warns of a window that takes away more, or less, than whoever opens it may think.
func outside(l Lease) []string {
	switch {
	case l.Kind != lease.Window || l.Instance != "":
		return nil
	case l.Service == "view-service":
		return []string{"until the window ends, of this API the leases alone are reached through the gateway"}
	case l.Service == "gateway":
		return []string{"the gateway's health says so to whoever balances it; what reaches it all the same is answered"}
	default:
		return nil
	}
}

func stored(doing string, err error) error {
	if pg.IsUnavailable(err) {
		return problem.Wrap(problem.Unavailable, "the lease store cannot be reached now", err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
