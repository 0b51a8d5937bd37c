package redact

const (
	minCard = 13
	maxCard = 19
)

// card finds a card number that begins at i: a known issuer's prefix, its length, a valid checksum. Digits may
// stand in groups of four, or four, six and the rest, apart by one kind of separator.
func card(s string, i int) (match, int) {
	if !startsWord(s, i) || i >= 2 && s[i-1] == '.' && isDigit(s[i-2]) {
		return none(i + 1)
	}
	var digits [maxCard]byte
	n, end, best, group := 0, i, 0, 0
	var separator byte
	for ; end < len(s) && n < maxCard; end++ {
		if isDigit(s[end]) {
			digits[n] = s[end] - '0'
			n, group = n+1, group+1
			if isCard(digits[:n]) && ended(s, end+1) {
				best = end + 1
			}
			continue
		}
		if group != 4 && (group != 6 || n != 10) || !separates(s[end]) || separator != 0 && s[end] != separator {
			break
		}
		separator, group = s[end], 0
	}
	if best > 0 {
		return hit(i, best, Card)
	}
	return none(run(s, i, isDigit))
}

func separates(c byte) bool { return c == ' ' || c == '-' || c == '.' }

// ended says that a number ends before i; a decimal point with digits behind it does not end one, a separator does.
func ended(s string, i int) bool {
	return endsWord(s, i) && (i+1 >= len(s) || s[i] != '.' || !isDigit(s[i+1]))
}

// IsCard says whether a whole number is a card's.
func IsCard(v uint64) bool {
	if v < 1e12 || v > 9_999_999_999_999_999_999 {
		return false
	}
	var digits [maxCard + 1]byte
	i := len(digits)
	for ; v > 0; v /= 10 {
		i--
		digits[i] = byte(v % 10)
	}
	return isCard(digits[i:])
}

func isCard(digits []byte) bool {
	return len(digits) >= minCard && len(digits) <= maxCard && issued(digits) && luhn(digits)
}

// issued says whether a number of this length can begin like this (ISO/IEC 7812, the issuers' ranges of 2024).
func issued(digits []byte) bool {
	p, n := 0, len(digits)
	for _, d := range digits[:6] {
		p = 10*p + int(d)
	}
	switch p2, p3, p4 := p/10_000, p/1000, p/100; {
	case p2/10 == 4: // Visa
		return n == 13 || n == 16 || n == 19
	case p2 >= 51 && p2 <= 55, p4 >= 2221 && p4 <= 2720: // Mastercard
		return n == 16
	case p2 == 34, p2 == 37: // American Express
		return n == 15
	case p3 >= 300 && p3 <= 305, p2 == 36, p2 == 38, p2 == 39: // Diners Club
		return n == 14 || n == 16
	case p4 == 6011, p3 >= 644 && p3 <= 649, p2 == 65, p2 == 62, p4 >= 3528 && p4 <= 3589, p4 >= 2200 && p4 <= 2204:
		return n >= 16 // Discover, UnionPay, JCB, Mir
	case p4 == 5018, p4 == 5020, p4 == 5038, p4 == 5893, p4 == 6304, p4 == 6759, p4 >= 6761 && p4 <= 6763: // Maestro
		return true
	}
	return false
}

func luhn(digits []byte) bool {
	sum := 0
	for i, d := range digits {
		v := int(d)
		if (len(digits)-i)%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}
