package lease

import "time"

// Receipt says what became of a change.
type Receipt struct {
	Lease     Lease
	Took      time.Duration // from the call until all had answered, or Config.Wait was over
	Applied   int
	Expected  int
	Instances []Outcome
	Warnings  []string
}

// Outcome of a change at one instance.
type Outcome struct {
	Target
	State  string  `json:"state"` // applied, silent, refused
	Error  string  `json:"error"`
	TookMS float64 `json:"took_ms"` // milliseconds from the change until it was known; 0 while it is silent
	Via    string  `json:"via"`     // ByAck, BySync; "" while it is silent
}

// The states of an outcome.
const (
	Applied = "applied"
	Silent  = "silent"
	Refused = "refused"
)

// How an outcome has come to be known.
const (
	ByAck  = "ack"  // the instance's signed answer to the message
	BySync = "sync" // its next report
)

// What is changed about a lease; each has outcomes of its own.
const (
	OnSet    = "set"
	OnDrop   = "drop"
	OnExpire = "expire"
	OnSpent  = "spent"
)

// answered is the outcome that an acknowledgement tells.
func answered(t Target, why string, took time.Duration) Outcome {
	o := Outcome{Target: t, State: Applied, TookMS: float64(took.Microseconds()) / 1000, Via: ByAck}
	if why != "" {
		o.State, o.Error = Refused, why
	}
	return o
}

// receipt of what was known when the waiting ended: who has not answered is silent, not left out.
func receipt(targets []Target, got map[Target]Outcome) Receipt {
	r := Receipt{Expected: len(targets), Instances: make([]Outcome, len(targets))}
	for i, t := range targets {
		o, ok := got[t]
		if !ok {
			o = Outcome{Target: t, State: Silent}
		}
		if o.State == Applied {
			r.Applied++
		}
		r.Instances[i] = o
	}
	return r
}

// known are the outcomes that somebody has told.
func (r Receipt) known() (all []Outcome) {
	for _, o := range r.Instances {
		if o.State != Silent {
			all = append(all, o)
		}
	}
	return all
}

// Results are what is known of a lease's outcomes by now.
type Results struct {
	Set   []Outcome
	End   []Outcome // of its drop, or of its running out
	Spent []Target  // where its budget is used up
}

// Filter of leases.
type Filter struct {
	Kind    string // "": all
	Service string // those that touch the service; "": all
	Ended   bool   // those that have ended, too
	Before  int64  // revision; 0: from the newest on
	Limit   int
}
