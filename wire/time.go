package wire

import (
	"strconv"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Time is a timestamp of an answer: seconds, in XML as 2014-10-24T23:00:23Z, in
// JSON as the number of seconds since 1970 with the milliseconds as fraction.
// The zero Time stands for no time and is left out where omitempty says so.
type Time struct{ time.Time }

// At makes a Time.
func At(t time.Time) Time { return Time{t} }

// text is the form that XML answers have.
func (t Time) text() string { return t.UTC().Format(aws.TimeLayout) }

// MarshalJSON writes seconds since 1970.
func (t Time) MarshalJSON() ([]byte, error) {
	milli := t.UnixMilli()
	if milli%1000 == 0 {
		return strconv.AppendInt(nil, milli/1000, 10), nil
	}
	return strconv.AppendFloat(nil, float64(milli)/1000, 'f', 3, 64), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Time) UnmarshalJSON(b []byte) error {
	seconds, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return err
	}
	t.Time = time.UnixMilli(int64(seconds * 1000)).UTC()
	return nil
}

// TimeMillis is a Time that XML answers print with milliseconds. Recorded: the
// CreateDate of GetOpenIDConnectProvider.
type TimeMillis struct{ time.Time }

func (t TimeMillis) text() string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
