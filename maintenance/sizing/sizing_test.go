package sizing

import (
	"testing"
	"time"
)

// More, larger, longer and more random is never less; and what is given out for a week is a week's.
func TestForecastsGrowWithTheLoad(t *testing.T) {
	t.Parallel()
	base := Load{Rate: 5000, Bytes: 400, Keep: 7 * 24 * time.Hour, Random: 0.2}
	f := Predict(base)
	if f.Records != 5000*7*86400 || f.Disk != f.Records*f.BytesEach || f.WAL != 5000*f.WALEach || f.CPU != 5000*f.MicrosEach/1e6 {
		t.Errorf("%+v", f)
	}
	for name, more := range map[string]Load{
		"rate":   {base.Rate * 2, base.Bytes, base.Keep, base.Random},
		"bytes":  {base.Rate, base.Bytes * 2, base.Keep, base.Random},
		"keep":   {base.Rate, base.Bytes, base.Keep * 2, base.Random},
		"random": {base.Rate, base.Bytes, base.Keep, base.Random * 2},
	} {
		g := Predict(more)
		if g.Disk <= f.Disk || g.WAL < f.WAL || g.CPU < f.CPU {
			t.Errorf("more %s: %+v, less than %+v", name, g, f)
		}
	}
	if f.WALEach < f.BytesEach {
		t.Errorf("what lies on the disk has been written: %v of WAL, %v at rest", f.WALEach, f.BytesEach)
	}
}
