package httpapi

import (
	"errors"
	"fmt"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// answer turns a store's error into one that may leave the service.
func answer(err error) error {
	var conflict *postgres.ConflictError
	switch {
	case errors.Is(err, postgres.ErrNotFound):
		return problem.New(problem.NotFound, "there is no such schedule")
	case errors.Is(err, postgres.ErrNoFire):
		return problem.New(problem.NotFound, "there is no such fire in the ledger")
	case errors.Is(err, postgres.ErrNoBackfill):
		return problem.New(problem.NotFound, "there is no such backfill, or it has left the ledger")
	case errors.As(err, &conflict) && conflict.Revision == 0:
		return problem.Wrap(problem.Conflict, "the schedule does not exist any more", err)
	case errors.As(err, &conflict):
		return problem.Wrap(problem.Conflict, fmt.Sprintf("the schedule has revision %d; look at it again", conflict.Revision), err)
	case errors.Is(err, postgres.ErrDeclared):
		return problem.Wrap(problem.Conflict, "its service declares this schedule in code, and would again; pause it, or edit it", err)
	case errors.Is(err, postgres.ErrMade):
		return problem.Wrap(problem.Conflict, "this schedule was made by people; there is no declaration to go back to", err)
	case errors.Is(err, postgres.ErrEnded):
		return problem.Wrap(problem.Conflict, "the fire has ended already", err)
	case errors.Is(err, postgres.ErrNotTaken):
		return problem.Wrap(problem.Conflict, "its handler reports over the bus, or by its answer; only a fire of target poll is reported here", err)
	case errors.Is(err, postgres.ErrTooMany):
		return invalid("/to", fmt.Sprintf("the range has more than %d due times; fire it in parts", postgres.MaxBackfill))
	case errors.Is(err, postgres.ErrFuture):
		return invalid("/to", "lies in the future; what is to come is fired by plan")
	case pg.IsRefused(err):
		return problem.Wrap(problem.Invalid, "the database cannot hold this value", err)
	}
	return err
}

// invalid names the one input that is wrong.
func invalid(field, detail string) *problem.Error {
	return &problem.Error{Code: problem.Invalid, Detail: "the request is not valid: " + detail,
		Fields: []problem.Field{{Name: field, Detail: detail}}}
}
