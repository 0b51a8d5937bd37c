package spool

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestReportBesideDrops: neither waits for the other, although each looks at what the other holds.
func TestReportBesideDrops(t *testing.T) {
	t.Parallel()
	disk := &faulty{}
	s := opened(t, Settings{Disk: disk})
	disk.fail(unix.EIO)
	reported, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for range 20_000 {
			s.Append(Info, frame("dropped"))
		}
	}()
	go func() {
		defer close(reported)
		for {
			select {
			case <-done:
				return
			default:
				s.Report(func(Loss) bool { return false })
			}
		}
	}()
	for _, end := range []chan struct{}{done, reported} {
		select {
		case <-end:
		case <-time.After(30 * time.Second):
			t.Fatal("they wait for each other")
		}
	}
	s.losses.mu.Lock()
	defer s.losses.mu.Unlock()
	if len(s.losses.all) != 1 || s.losses.all[0].Records != 20_000 || s.losses.all[0].To != 20_000 {
		t.Errorf("losses %+v", s.losses.all)
	}
}

// TestALossThatIsLoadedTwiceIsOne: its epoch's file and that of its adopter may both have it.
func TestALossThatIsLoadedTwiceIsOne(t *testing.T) {
	t.Parallel()
	var l losses
	for range 2 {
		l.add(Loss{Epoch: "e", Class: Info, From: 11, To: 20, Records: 10, Reason: ReasonIO}, false)
	}
	if len(l.all) != 1 || l.all[0].Records != 10 {
		t.Errorf("losses %+v", l.all)
	}
}

// TestOneHoleIsOneLoss: whatever the order in which its parts were lost. Here newcomers found no room, and then what lay
// before them was given up for records of more worth.
func TestOneHoleIsOneLoss(t *testing.T) {
	t.Parallel()
	var l losses
	lost := func(from, to uint64, newest bool) {
		l.add(Loss{Class: Debug, From: from, To: to, Records: to - from + 1, Reason: ReasonFull}, newest)
	}
	for seq := uint64(100); seq < 200; seq++ {
		lost(seq, seq, true)
	}
	lost(1, 50, false)
	lost(51, 99, false)
	lost(200, 200, true)
	lost(201, 201, true)
	if len(l.all) != 1 || l.all[0].From != 1 || l.all[0].To != 201 || l.all[0].Records != 201 {
		t.Errorf("%+v", l.all)
	}
}
