package aws_test

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/aws"
)

func TestServiceAccountOf(t *testing.T) {
	for subject, want := range map[string]string{
		"system:serviceaccount:shop:api":   "shop/api",
		"system:serviceaccount:shop:a.b-c": "shop/a.b-c",
		"system:serviceaccount:shop":       "",
		"system:serviceaccount::api":       "",
		"system:serviceaccount:shop:":      "",
		"system:serviceaccount:shop:api:x": "", // Kubernetes' SplitUsername refuses it too
		"system:serviceaccounts:shop":      "",
		"System:serviceaccount:shop:api":   "",
		"repo:octo-org/octo-repo:ref:a":    "",
		"":                                 "",
	} {
		got, ok := aws.ServiceAccountOf(subject)
		if ok != (want != "") || ok && (got.String() != want || got.Subject() != subject) {
			t.Errorf("%q: %s, %v; want %q", subject, got, ok, want)
		}
	}
}

func TestParseServiceAccount(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	for text, want := range map[string]struct{ parsed, fits bool }{
		"shop/api":           {true, true},
		"shop/api.v1":        {true, true},
		a(63) + "/" + a(253): {true, true},
		a(64) + "/api":       {true, false},
		"shop/" + a(254):     {true, false},
		"Shop/api":           {true, false},
		"shop/api-":          {true, false},
		"shop/api.-v1":       {true, false}, // each label of a DNS subdomain begins with a letter or a digit
		"shop/api..v1":       {true, false},
		"shop.eu/api":        {true, false},
		"shop/*":             {true, false},
		"shop":               {false, false},
		"shop/":              {false, false},
		"/api":               {false, false},
		"a/b/c":              {false, false},
		"":                   {false, false},
	} {
		got, ok := aws.ParseServiceAccount(text)
		if ok != want.parsed || ok && (got.Fits() != want.fits || got.String() != text) {
			t.Errorf("%q: %v, fits %v; want %v", text, ok, got.Fits(), want)
		}
	}
}
