package main

import (
	"strconv"
	"testing"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "1B": 1, "64KiB": 64 << 10, "300MiB": 300 << 20, "5GiB": 5 << 30, "2TiB": 2 << 40, "9223372036854775807": 1<<63 - 1,
		"": 0, "0": 0, "-1": 0, "+1": 0, "1.5GiB": 0, "5GB": 0, "5 GiB": 0, "GiB": 0, "9223372036854775808": 0, "8388608TiB": 0, "1MiBKiB": 0,
	} {
		if got, err := parseSize(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
}

// FuzzSize: a size that is taken is above 0, and comes back from its bytes.
func FuzzSize(f *testing.F) {
	f.Add("5GiB")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseSize(text)
		if err != nil {
			return
		}
		if again, err := parseSize(strconv.FormatInt(n, 10)); n <= 0 || again != n || err != nil {
			t.Errorf("%q is %d, and that is %d, %v", text, n, again, err)
		}
	})
}
