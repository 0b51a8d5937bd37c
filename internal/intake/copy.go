package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
)

// copy makes records of a stream until it ends, or ctx does. room holds it back; nil: nothing does.
func (j *job) copy(ctx context.Context, from io.Reader, name string, room func(context.Context) error) error {
	st := foreign.NewStream(foreign.Settings{Format: j.Format}, func(r foreign.Record) {
		if name != "" {
			r.Attrs = append(r.Attrs, slog.String(foreign.KeyStream, name))
		}
		j.emit(r)
	})
	pieces := make(chan []byte)
	free := make(chan []byte, 2)
	ended := make(chan error, 1)
	free <- make([]byte, 64<<10)
	free <- make([]byte, 64<<10)
	go func() { ended <- pump(ctx, from, pieces, free) }() // a read of a terminal cannot be broken off: it ends with the process
	for {
		select {
		case p := <-pieces:
			j.bytes.Add(int64(len(p)))
			_, _ = st.Write(p) // it does not fail
			free <- p[:cap(p)]
			if room == nil {
				continue
			}
			if err := room(ctx); err != nil {
				st.Close()
				return orNil(ctx, err)
			}
		case err := <-ended:
			st.Close()
			return err
		case <-idle(st):
			st.Flush()
		case <-ctx.Done():
			st.Close()
			return nil
		}
	}
}

// idle ends after the time that a record waits for lines that continue it; never, if none waits.
func idle(st *foreign.Stream) <-chan time.Time {
	if !st.Waiting() {
		return nil
	}
	return time.After(foreign.Idle)
}

// pump reads a stream piece by piece, until its end or that of ctx.
func pump(ctx context.Context, from io.Reader, pieces chan<- []byte, free <-chan []byte) error {
	for {
		var p []byte
		select {
		case p = <-free:
		case <-ctx.Done():
			return nil
		}
		n, err := from.Read(p)
		if n > 0 {
			select {
			case pieces <- p[:n]:
			case <-ctx.Done():
				return nil
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
	}
}

func orNil(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
