package block

// FilterBits of a Filter: 32 KiB, 8 bytes a record in a full block.
const FilterBits = 1 << 18

// Filter is a Bloom filter (Bloom 1970) over what a block holds: the trigrams of its messages and attributes, its
// traces, and its pairs of attribute and value. Filters of one size are joined by a bitwise or, which PostgreSQL
// can do. In the database it is a bit(262144), bit 0 first.
type Filter [FilterBits / 8]byte
