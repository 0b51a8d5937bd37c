package intake

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/follow"
	"github.com/signalbox-mesh/signalbox/internal/foreign"
)

// Settings of one run.
type Settings struct {
	Sender *Sender // not started; it is the caller's to close
	Format foreign.Format

	Stdin   io.Reader        // read when neither File nor Command is set; the command's own otherwise
	File    *follow.Settings // its Emit, Gate, Tell and Format are set here
	Command []string         // name and arguments
	Signals <-chan os.Signal // passed to the command; after it, one ends the wait

	Stdout, Stderr io.Writer       // what the command writes is passed on to them
	Restamp        bool            // records take the time of reading; their own becomes an attribute
	NoWait         bool            // end when all is spooled, and leave the shipping to the next run
	Progress       func(Progress)  // told twice a second; nil: nobody is
	Note           func(err error) // told once when everything is read and nothing can be shipped
}

// Progress of a run, for people.
type Progress struct {
	Records, Bytes int64
	Left           int64 // bytes of the file; 0: not known
	Waiting        int   // records in the spool
	Draining       bool  // everything was read
	Trouble        error // why nothing can be shipped now; nil: nothing is known
}

// Summary of a run.
type Summary struct {
	Service  string           `json:"service"`
	Instance string           `json:"instance"`
	Records  int64            `json:"records"`
	Bytes    int64            `json:"bytes"`
	Seconds  float64          `json:"seconds"`
	Formats  map[string]int64 `json:"formats"`           // records by format
	Waiting  int              `json:"waiting"`           // records in the spool that the store has not acknowledged
	Dropped  map[string]int   `json:"dropped,omitempty"` // records that are not in the store, by reason
	Refusal  string           `json:"refusal,omitempty"` // what the store said of one that it refused
	Exit     *int             `json:"exit,omitempty"`    // of the command: its code, 128 and more for a signal
}

// keyTime is the attribute with a record's own time, where it has taken that of reading.
const keyTime = "time"

// drainLimit bounds the wait for the store once somebody has asked for the end.
const drainLimit = 2 * time.Second

// patience comes before a word about a store that takes nothing.
const patience = 2 * time.Second

// job is one run under way.
type job struct {
	Settings
	pace  pace
	bytes atomic.Int64
	file  *follow.File

	mu       sync.Mutex
	formats  map[string]int64
	draining atomic.Bool
}

// Run reads until the source ends, ships, and returns when the store has everything. When ctx ends it stops reading and
// returns with what waits in the spool; a command is not ended by ctx, but by Signals.
func Run(ctx context.Context, s Settings) (sum Summary, err error) {
	began := time.Now()
	j := &job{Settings: s, pace: pace{sender: s.Sender}, formats: map[string]int64{}}
	if err := j.open(); err != nil {
		return sum, err
	}
	s.Sender.Start()
	defer s.Sender.Stop()
	stop := j.report()
	exit, err := j.read(ctx)
	j.draining.Store(true)
	if err == nil && !s.NoWait {
		j.drain(ctx)
	}
	j.goodbye(ctx)
	stop()
	sum = j.summary(began)
	sum.Exit = exit
	return sum, err
}

func (j *job) open() (err error) {
	if j.File == nil {
		return nil
	}
	f := *j.File
	f.Format = foreign.Settings{Format: j.Format}
	f.Emit, f.Gate = j.emit, j.pace.room
	f.Tell = func(level slog.Level, what string, attrs ...slog.Attr) {
		j.Sender.Logger().LogAttrs(context.Background(), level, what, attrs...)
	}
	j.file, err = follow.Open(f)
	return err
}

func (j *job) read(ctx context.Context) (exit *int, err error) {
	switch {
	case len(j.Command) > 0:
		code, err := j.command(ctx)
		return &code, err
	case j.file != nil:
		return nil, j.file.Run(ctx)
	default:
		return nil, j.copy(ctx, j.Stdin, "", j.pace.room)
	}
}

// emit gives a record to the spool.
func (j *job) emit(r foreign.Record) {
	j.mu.Lock()
	j.formats[string(r.Format)]++
	j.mu.Unlock()
	if j.Restamp && !r.Time.IsZero() {
		r.Attrs = append(r.Attrs, slog.Time(keyTime, r.Time))
		r.Time = time.Time{}
	}
	j.pace.take(r)
}

// drain waits for the store: as long as it takes, or a while when the end is asked for.
func (j *job) drain(ctx context.Context) {
	began, told := time.Now(), j.Note == nil
	for {
		st, err := j.Sender.State()
		if err != nil || st.Waiting == 0 || ctx.Err() != nil {
			break
		}
		if trouble := j.Sender.Trouble(); !told && trouble != nil && time.Since(began) > patience {
			told = true
			j.Note(trouble)
		}
		select {
		case <-j.Signals:
			return
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	_ = j.Sender.logs.Drain(ctx) // what is left is in the summary
}

// goodbye lets the store know what there is, so that what it does not have is no riddle.
func (j *job) goodbye(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	j.Sender.Goodbye(ctx)
}

// report calls Progress twice a second until the returned stop.
func (j *job) report() (stop func()) {
	if j.Progress == nil {
		return func() {}
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(500 * time.Millisecond):
				j.Progress(j.progress())
			}
		}
	})
	return func() { close(done); running.Wait() }
}

func (j *job) progress() Progress {
	p := Progress{Records: j.pace.records.Load(), Bytes: j.seen(), Draining: j.draining.Load(), Trouble: j.Sender.Trouble()}
	if j.file != nil {
		p.Left = j.file.Ahead()
	}
	if st, err := j.Sender.State(); err == nil {
		p.Waiting = st.Waiting
	}
	return p
}

func (j *job) seen() int64 {
	if j.file != nil {
		return j.file.Read()
	}
	return j.bytes.Load()
}

func (j *job) summary(began time.Time) Summary {
	st, err := j.Sender.State()
	sum := Summary{Service: j.Sender.settings.Service, Instance: j.Sender.settings.Instance, Records: j.pace.records.Load(),
		Bytes: j.seen(), Seconds: time.Since(began).Seconds(), Waiting: st.Waiting, Dropped: st.Dropped}
	if err != nil {
		sum.Waiting = -1
	}
	if len(st.Dropped) > 0 {
		sum.Refusal = j.Sender.refusal(began)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	sum.Formats = maps.Clone(j.formats)
	return sum
}
