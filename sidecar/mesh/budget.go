package mesh

import "sync/atomic"

// reserve is what a budget holds at most, in thousandths of a retry: what a destination that is called seldom can spend.
const reserve = 10_000

// budget bounds retries to a share of calls. Safe for concurrent use.
type budget struct{ thousandths atomic.Int64 }

// earn is one call's share.
func (b *budget) earn(share float64) {
	if b.thousandths.Load() < reserve {
		b.thousandths.Add(int64(share * 1000))
	}
}

// spend takes one retry, or answers false.
func (b *budget) spend() bool {
	for {
		has := b.thousandths.Load()
		if has < 1000 {
			return false
		}
		if b.thousandths.CompareAndSwap(has, has-1000) {
			return true
		}
	}
}
