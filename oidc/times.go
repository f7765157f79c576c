package oidc

import (
	"strconv"
	"time"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// stamp renders seconds since 1970 for an explanation.
func stamp(unix int64) string {
	const year9999 = 253402300799
	if unix < 0 || unix > year9999 {
		return itoa(unix)
	}
	return time.Unix(unix, 0).UTC().Format(time.RFC3339)
}

// seconds renders a difference, which may be beyond what a Duration holds.
func seconds(n int64) string {
	if n > int64((1<<63-1)/time.Second) || n < 0 {
		return itoa(n) + "s"
	}
	return (time.Duration(n) * time.Second).String()
}
