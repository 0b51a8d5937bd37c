package spool

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// frames reads on in the first segment; s is a copy of its books.
func (q *Queue) frames(s segment, most int) (records []Record, w walk, err error) {
	left := s.size - q.from.at
	guess := MaxFrame + int64(min(BatchBytes, most*int(s.size)/max(s.records, 1)))
	for _, part := range []int64{min(left, guess), left} {
		if records, w, err = q.part(s, part, most); err != nil || w.at > q.from.at {
			break
		} // else it begins with damage whose end is not in this part
	}
	if w.at == s.size && err == nil {
		w.finish(s.beyond)
	}
	return records, w, err
}

func (q *Queue) part(s segment, size int64, most int) (records []Record, w walk, err error) {
	b, err := q.chunk(s.path, q.from.at, size)
	if err != nil {
		return nil, w, err
	}
	w = walk{passed: q.from.passed, at: q.from.at}
	last := q.from.at+size == s.size
	w.over(b, last, most, BatchBytes, func(r Record) {
		if r.Seq > q.acked {
			records = append(records, r)
		}
	})
	if last && w.at == q.from.at+int64(len(b)) {
		w.at = s.size // the file may be shorter than the books say: what is missing is damage
	}
	return records, w, nil
}

// chunk reads a part of a segment. Of a file that is gone there is nothing.
func (q *Queue) chunk(path string, from, size int64) ([]byte, error) {
	if q.file == nil {
		f, err := q.disk.Open(path)
		if err != nil && !passes(err) {
			q.metrics.failed("read", err)
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		q.file = f
	}
	b := make([]byte, size)
	n, err := q.file.ReadAt(b, from)
	if err != nil && !errors.Is(err, io.EOF) {
		q.metrics.failed("read", err)
		n = q.pages(b, from)
	}
	return b[:n], nil
}

// pages reads what can be read of a file with bad places; those stay zero, and are met as damage.
func (q *Queue) pages(b []byte, from int64) (n int) {
	const page = 4 << 10
	for n < len(b) {
		end := min(n+page-int((from+int64(n))%page), len(b))
		got, err := q.file.ReadAt(b[n:end], from+int64(n))
		if errors.Is(err, io.EOF) {
			return n + got
		}
		n = end
	}
	return n
}

// passes says of a failure to open a file that it is no fault of the file's.
func passes(err error) bool {
	for _, e := range []error{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EAGAIN, unix.EINTR, os.ErrPermission} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
