package secretsmanager

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFilters: the rows were run on AWS by moto (test_with_all_filter,
// …_special_characters, test_with_filter_with_value_with_multiple_words) and by
// LocalStack (test_list_secrets_filtering).
func TestFilters(t *testing.T) {
	all := []*Secret{
		{Name: "SecretOne"}, {Name: "SecretTwo", Description: "DescTwo"}, {Name: "Thirdsecret"},
		{Name: "SecretFTag", Tags: []tag{{Key: "1", Value: "foo"}}}, {Name: "SecretFValue", Tags: []tag{{Key: "foo", Value: "v"}}}, {Name: "none"},
	}
	special := []*Secret{{Name: "prod/AppBeta/x"}, {Name: "prod_AppBeta_x"}, {Name: "prod+AppBeta+x"}, {Name: "prod=AppBeta=x"}, {Name: "prod.AppBeta.x"},
		{Name: "prod@AppBeta@x"}, {Name: "prod-AppBeta-x"}, {Name: "uat/COMPANY/y"}, {Name: "uat/COMPANYthings/y"}}
	described := []*Secret{{Name: "testing1/one", Description: "a secret"}, {Name: "/testing2/two", Description: "an secret"},
		{Name: "testing3/three", Description: "asecret"}, {Name: "/testing4/four", Description: "thesecret"}}
	words := []*Secret{{Name: "foo", Description: "one two"}, {Name: "bar", Description: "one and two"}, {Name: "baz", Description: "one"},
		{Name: "qux", Description: "two"}, {Name: "none", Description: "unrelated"}}
	appBeta := "prod/AppBeta/x prod_AppBeta_x prod+AppBeta+x prod=AppBeta=x prod.AppBeta.x prod@AppBeta@x prod-AppBeta-x"
	cases := []struct {
		in         []*Secret
		key, value string // values are joined by |
		want       string
	}{
		{all, "all", "SecretOne", "SecretOne"},
		{all, "all", "foo", "SecretFTag SecretFValue"},
		{all, "all", "Secret", "SecretOne SecretTwo SecretFTag SecretFValue"},
		{all, "all", "secret", "SecretOne SecretTwo SecretFTag SecretFValue"},
		{all, "all", "ret", ""},
		{all, "all", "sec", "SecretOne SecretTwo SecretFTag SecretFValue"},
		{all, "all", "SomeSecret", ""},
		{all, "all", "d", "SecretTwo"},
		{all, "all", "d t", "SecretTwo"},
		{all, "all", "t", "SecretTwo Thirdsecret SecretFTag"},
		{special, "all", "AppBeta", appBeta},
		{special, "all", "Beta", appBeta},
		{special, "all", "AppBeta|prod", appBeta},
		{special, "all", "+", ""},
		{special, "all", "company", "uat/COMPANY/y"},
		{special, "all", "things", ""},
		{special, "all", "Ythings", "uat/COMPANYthings/y"},
		{special, "all", "N", ""},
		{special, "all", "pany", ""},
		{described, "name", "/", "/testing2/two /testing4/four"},
		{described, "name", "!/", "testing1/one testing3/three"},
		{described, "name", "testing1 one", ""},
		{described, "description", "a", "testing1/one /testing2/two testing3/three"},
		{described, "description", "!a", "/testing4/four"},
		{described, "description", "a secret", "testing1/one /testing2/two"},
		{described, "description", "!c", "testing1/one /testing2/two testing3/three /testing4/four"},
		{words, "description", "one two", "foo bar"},
		{words, "description", "o t", "foo bar"},
		{words, "description", "t", "foo bar qux"},
	}
	for _, tc := range cases {
		f := filter{Key: tc.key, Values: strings.Split(tc.value, "|")}
		var got []string
		for _, s := range tc.in {
			if f.matches(s) {
				got = append(got, s.Name)
			}
		}
		if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s=%s (-want +got):\n%s", tc.key, tc.value, diff)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("SecretOne/COMPANYthings-ü")
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range words(text) {
			if w == "" {
				t.Fatalf("%q has an empty word", text)
			}
		}
	})
}

func FuzzLocate(f *testing.F) {
	f.Add("your-secret-name")
	f.Add("arn:aws:secretsmanager:us-west-2:111122223333:secret:your-secret-name-a1b2c3")
	f.Add("arn:aws:secretsmanager:::secret:")
	f.Fuzz(func(t *testing.T, id string) {
		p, err := locate(id, "111122223333", "us-west-2")
		if err == nil && (p.arn == "" || !nameChars.MatchString(p.name+p.suffix)) {
			t.Fatalf("%q is at %+v", id, p)
		}
	})
}
