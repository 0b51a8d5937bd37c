package block

import "strconv"

// decimal reads a number of which appendDecimal makes the same text again, whatever its scale.
func decimal(s string) (n int64, decimals int, ok bool) {
	digits := s
	if s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > mostDigits+1 || digits[0] == '0' && len(digits) > 1 && digits[1] != '.' {
		return 0, 0, false
	}
	point := -1
	for i := range len(digits) {
		c := digits[i] - '0'
		if c > 9 {
			if digits[i] != '.' || point >= 0 || i == 0 {
				return 0, 0, false
			}
			point = i
			continue
		}
		n = 10*n + int64(c)
	}
	if point >= 0 {
		decimals = len(digits) - 1 - point
		if decimals == 0 || decimals > mostDecimals || digits[len(digits)-1] == '0' {
			return 0, 0, false
		}
	}
	if s[0] == '-' {
		return -n, decimals, n != 0
	}
	return n, decimals, true
}

// appendDecimal writes n / 10^scale, without zeroes at the end of a fraction.
func appendDecimal(to []byte, n int64, scale int) []byte {
	if scale <= 0 || scale > mostDecimals {
		return strconv.AppendInt(to, n, 10)
	}
	if n < 0 {
		to = append(to, '-')
	}
	abs := uint64(max(n, -n))
	unit := uint64(tens[scale])
	to = strconv.AppendUint(to, abs/unit, 10)
	rest := abs % unit
	if rest == 0 {
		return to
	}
	to = append(to, '.')
	for unit /= 10; rest > 0; unit /= 10 {
		to = append(to, '0'+byte(rest/unit))
		rest %= unit
	}
	return to
}
