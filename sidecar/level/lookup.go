package level

// State is what is true of one logger, whether it was ever used or not.
func (t *Table) State(logger string) State {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.state(logger)
}
