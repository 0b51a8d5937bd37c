package api

// Reason why a due time did not end in done: a closed list.
type Reason string

// The reasons of skipped due times. Those with a cause say from when to when in the fire.
const (
	ReasonPaused     Reason = "paused"
	ReasonWindow     Reason = "window"           // a maintenance window of the service; cause: the window
	ReasonOverlap    Reason = "overlap-skipped"  // the fire before it had not ended
	ReasonMisfire    Reason = "misfire-skipped"  // missed, and left out by the misfire policy
	ReasonTooLate    Reason = "too-late"         // missed, and too long ago to be caught up
	ReasonNoLeader   Reason = "no-leader"        // missed for want of a leader, and left out by policy or window; cause: the time without
	ReasonBrokerDown Reason = "broker-down"      // likewise for want of the broker; or never taken by it
	ReasonInvalid    Reason = "invalid-schedule" // it cannot be read any more, its time zone for one
	ReasonEdited     Reason = "edited"           // due and not planned yet when the timing was changed: the new one took its place
	ReasonRetired    Reason = "retired"          // likewise, or waiting, when the schedule was deleted or not declared any more
)

// The reasons of failed fires.
const (
	ReasonNobodyListening Reason = "nobody-listening" // no queue takes its key
	ReasonHandlerFailed   Reason = "handler-failed"
	ReasonDeadline        Reason = "deadline"   // the handler did not end in time
	ReasonNoReceipt       Reason = "no-receipt" // published, and nothing was heard within the window
	ReasonCancelled       Reason = "cancelled"  // by hand, or for the fire after it
)

// What a waiting fire waits for.
const (
	WaitsOverlap  Reason = "overlap"  // the end of the fire before it
	WaitsCatchUp  Reason = "catch-up" // its turn: the catch-up is bounded per second
	WaitsBackfill Reason = "backfill" // likewise
)

// Reasons are all for which a due time did not end in done.
func Reasons() []Reason {
	return []Reason{
		ReasonPaused, ReasonWindow, ReasonOverlap, ReasonMisfire, ReasonTooLate, ReasonNoLeader, ReasonBrokerDown, ReasonInvalid,
		ReasonEdited, ReasonRetired, ReasonNobodyListening, ReasonHandlerFailed, ReasonDeadline, ReasonNoReceipt, ReasonCancelled,
	}
}

// Waits are all that a waiting fire can wait for.
func Waits() []Reason { return []Reason{WaitsOverlap, WaitsCatchUp, WaitsBackfill} }
