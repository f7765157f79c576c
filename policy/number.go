package policy

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

// number is an integer, exactly, or a decimal.
type number struct {
	integer int64
	decimal float64
	exact   bool
}

// numberPattern bounds the exponent, so that no number needs much memory.
var numberPattern = lazyregexp.New(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$`)

// parseNumber takes integers and decimals. Recorded: a sign, zeros in front and
// behind, an exponent ("1e0") and a point at the end are allowed, blanks are not.
func parseNumber(s string) (number, bool) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return number{integer: i, decimal: float64(i), exact: true}, true
	}
	if len(s) > 400 || !numberPattern.MatchString(s) {
		return number{}, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return number{decimal: f}, err == nil
}

func (n number) compare(o number) int {
	if n.exact && o.exact {
		return compareOrdered(n.integer, o.integer)
	}
	return compareOrdered(n.decimal, o.decimal)
}

func compareOrdered[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func compileNumeric(holds func(int) bool) func(string) func(string) bool {
	return func(want string) func(string) bool {
		w, ok := parseNumber(want)
		if !ok {
			return never
		}
		return func(got string) bool {
			g, ok := parseNumber(got)
			return ok && holds(g.compare(w))
		}
	}
}

func compileDate(holds func(int) bool) func(string) func(string) bool {
	return func(want string) func(string) bool {
		w, ok := parseDate(want)
		if !ok {
			return never
		}
		w = w.Truncate(time.Millisecond) // recorded: finer differences do not count
		return func(got string) bool {
			g, ok := parseDate(got)
			return ok && holds(g.Truncate(time.Millisecond).Compare(w))
		}
	}
}

// datePattern is what IAM accepts as a date: the W3C profile of ISO 8601 and
// some that stray from it. Recorded as accepted: "01T", a small t, an hour of
// one digit, an offset without minutes, a negative year; as refused: an offset
// of one digit, a fraction of ten digits.
var datePattern = lazyregexp.New(`^(-?\d{1,9})(?:-(\d{1,2})(?:-(\d{1,2}))?)?` +
	`(?:[tT](?:(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?)?(?:[zZ]|([+-])(\d{2})(?::?(\d{2}))?)?)?$`)

// parseDate reads a date or epoch seconds. Four digits are a year, other plain
// integers are seconds; a plus in front of them is accepted (recorded).
func parseDate(s string) (time.Time, bool) {
	if len(s) > 64 {
		return time.Time{}, false
	}
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 {
		return time.Time{}, false
	}
	if len(digits) != 4 && strings.Trim(digits, "0123456789") == "" {
		i, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(i, 0), err == nil
	}
	m := datePattern.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, false
	}
	number := func(i, absent int) int {
		if m[i] == "" {
			return absent
		}
		n, _ := strconv.Atoi(m[i]) // at most nine digits, by the pattern
		return n
	}
	year, month, day := number(1, 0), number(2, 1), number(3, 1)
	hour, minute, second := number(4, 0), number(5, 0), number(6, 0)
	offsetHour, offsetMinute := number(9, 0), number(10, 0)
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 ||
		offsetHour > 23 || offsetMinute > 59 {
		return time.Time{}, false
	}
	nanos := 0
	if m[7] != "" {
		nanos, _ = strconv.Atoi((m[7] + "000000000")[:9])
	}
	offset := offsetHour*3600 + offsetMinute*60
	if m[8] == "-" {
		offset = -offset
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	return t.Add(-time.Duration(offset) * time.Second), true
}

// compileIP takes a CIDR block or a single address, version 4 or 6.
func compileIP(want string) func(string) bool {
	prefix, ok := parseAddressBlock(want)
	if !ok {
		return never
	}
	return func(got string) bool {
		addr, ok := parseAddress(got)
		return ok && prefix.Contains(addr)
	}
}

func parseAddressBlock(s string) (netip.Prefix, bool) {
	text, length, isBlock := strings.Cut(s, "/")
	addr, ok := parseAddress(text)
	if !ok {
		return netip.Prefix{}, false
	}
	bits := addr.BitLen()
	if isBlock {
		// Recorded: zeros in front of the length and a plus are accepted.
		n, err := strconv.ParseUint(strings.TrimPrefix(length, "+"), 10, 16)
		if err != nil || n > uint64(bits) || strings.HasPrefix(length, "++") {
			return netip.Prefix{}, false
		}
		bits = int(n)
	}
	return netip.PrefixFrom(addr, bits), true
}

// parseAddress reads an address of version 4 or 6. Recorded: an octet may have
// zeros in front, and is decimal all the same.
func parseAddress(s string) (netip.Addr, bool) {
	if octets := strings.Split(s, "."); len(octets) == 4 && len(s) <= 64 && !strings.Contains(s, ":") {
		for i, octet := range octets {
			if octet = strings.TrimLeft(octet, "0"); octet == "" && octets[i] != "" {
				octet = "0"
			}
			octets[i] = octet
		}
		s = strings.Join(octets, ".")
	}
	addr, err := netip.ParseAddr(s)
	return addr.Unmap(), err == nil && addr.Zone() == ""
}
