package foreign

// Understood is the text that became a time or a level, and is kept in no other place.
func Understood(r Record) string { return r.timeText + " " + r.levelText + " " + r.wrapText }
