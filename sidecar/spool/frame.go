package spool

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A frame is a header and a payload:
//
//	magic [4] | size of the payload [4] | CRC-32C of payload, place and size [4] | sequence [8] | ordinal [8] | payload
//
// All numbers are little-endian. The magic lets a reader find the next frame behind a damaged one. The
// sequence counts what was issued, the ordinal what was written: where frames are damaged, the ordinals
// around them say how many records are gone, whatever was dropped in between. A full segment ends with a
// frame of sequence 0: its ordinal is that of the next record, its payload that record's sequence.

// HeaderSize is what a caller leaves free at the start of a frame it appends.
const HeaderSize = 28

// MaxFrame bounds a frame with its header; a reader takes a larger size for damage.
const MaxFrame = 1 << 20

var (
	magic      = []byte{0xF5, 'S', 'c', 0xF7} // 0xF5 and 0xF7 never occur in UTF-8
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Record is one that was spooled. Its Line belongs to the batch that it came with.
type Record struct {
	Seq  uint64
	Line []byte
}

// place of a frame in its class.
type place struct{ seq, ordinal uint64 }

// Why a part of a segment is taken for damaged.
const (
	whyMagic    = "no frame begins here"
	whySize     = "impossible size"
	whyShort    = "frame is cut off"
	whyChecksum = "checksum does not match"
	whyStale    = "left over from before"
	whyMissing  = "segment ends early"
)

// checksum covers everything that the header says, so that a flipped bit anywhere is seen. The payload
// comes first: its share can be computed before the sequence is known.
func checksum(payload uint32, header []byte) uint32 {
	payload = crc32.Update(payload, castagnoli, header[12:28])
	return crc32.Update(payload, castagnoli, header[4:8])
}

// seal fills the header of a frame; sum is the CRC-32C of its payload.
func seal(frame []byte, at place, sum uint32) {
	copy(frame, magic)
	binary.LittleEndian.PutUint32(frame[4:], uint32(len(frame)-HeaderSize))
	binary.LittleEndian.PutUint64(frame[12:], at.seq)
	binary.LittleEndian.PutUint64(frame[20:], at.ordinal)
	binary.LittleEndian.PutUint32(frame[8:], checksum(sum, frame))
}

// next reads the frame at the start of b: its place, payload and size. why is not empty if there is none
// that is whole and sound.
func next(b []byte) (at place, line []byte, size int, why string) {
	switch {
	case len(b) < HeaderSize && bytes.HasPrefix(b, magic[:min(len(b), len(magic))]):
		return place{}, nil, 0, whyShort
	case len(b) < HeaderSize || !bytes.Equal(b[:4], magic):
		return place{}, nil, 0, whyMagic
	}
	size = HeaderSize + int(binary.LittleEndian.Uint32(b[4:]))
	if size > MaxFrame {
		return place{}, nil, 0, whySize
	}
	if size > len(b) {
		return place{}, nil, 0, whyShort
	}
	line = b[HeaderSize:size]
	if checksum(crc32.Checksum(line, castagnoli), b) != binary.LittleEndian.Uint32(b[8:]) {
		return place{}, nil, 0, whyChecksum
	}
	return place{binary.LittleEndian.Uint64(b[12:]), binary.LittleEndian.Uint64(b[20:])}, line, size, ""
}

// ending is the frame behind the last of a full segment.
func ending(next place) []byte {
	frame := binary.LittleEndian.AppendUint64(make([]byte, HeaderSize), next.seq)
	seal(frame, place{0, next.ordinal}, crc32.Checksum(frame[HeaderSize:], castagnoli))
	return frame
}

func followedBy(payload []byte) (seq uint64) {
	if len(payload) == 8 {
		seq = binary.LittleEndian.Uint64(payload)
	}
	return seq
}

// resync is the distance to the next sound frame in b, or to its end.
func resync(b []byte) int {
	for at := 1; at < len(b); at++ {
		i := bytes.Index(b[at:], magic)
		if i < 0 {
			break
		}
		at += i
		if _, _, _, why := next(b[at:]); why == "" {
			return at
		}
	}
	return len(b)
}
