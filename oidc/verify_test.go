package oidc_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// The texts of this file are AWS's, from the answers recorded from STS in
// September 2026, unless a row says otherwise.
const (
	notAJWT      = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	notValidated = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
	noKey        = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	badTimestamp = "Invalid timestamp in token claims."
	badTags      = "principal_tags passed in claim is not in correct format."
)

func TestRefusedClaims(t *testing.T) {
	at := func(seconds int64) int64 { return now.Unix() + seconds }
	tests := []struct {
		name   string
		claims object
		want   refusal
	}{
		{"no iss", lacking(base(), "iss"), refusal{reason: oidc.ReasonMissingClaim, message: "Missing a required claim: iss"}},
		{"no sub", lacking(base(), "sub"), refusal{reason: oidc.ReasonMissingClaim, message: "Missing a required claim: sub"}},
		{"no aud", lacking(base(), "aud"), refusal{reason: oidc.ReasonMissingClaim, message: "Missing a required claim: aud"}},
		{"no iat", lacking(base(), "iat"), refusal{reason: oidc.ReasonMissingClaim, message: "Missing a required claim: iat"}},
		{"no exp", lacking(base(), "exp"), refusal{reason: oidc.ReasonMissingClaim, message: "Missing a required claim: exp"}},
		// aws/aws-sdk-ruby#2698: the token of a Secret is refused for its aud.
		{"legacy secret token", object{"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:ns:sa",
			"kubernetes.io/serviceaccount/secret.name": "sa-token-abcde"},
			refusal{reason: oidc.ReasonMissingClaim, message: "Missing a required claim: aud", hint: "legacy-token"}},

		{"sub null", with(base(), object{"sub": nil}), refusal{reason: oidc.ReasonNullSubject, code: "InternalFailure", status: 500,
			message: "Unknown error validating third-party token"}},
		// Not recorded: what is neither string nor number.
		{"sub a list", with(base(), object{"sub": []string{"a"}}), refusal{reason: oidc.ReasonMalformedClaim, message: notValidated}},
		{"iss a number", with(base(), object{"iss": 1}), refusal{reason: oidc.ReasonMalformedClaim, message: notValidated}},
		{"aud null", with(base(), object{"aud": nil}), refusal{reason: oidc.ReasonMalformedClaim, message: notValidated}},
		{"aud a list with null", with(base(), object{"aud": []any{nil}}), refusal{reason: oidc.ReasonMalformedClaim, message: notValidated}},
		{"azp null", with(base(), object{"azp": nil}), refusal{reason: oidc.ReasonMalformedClaim, message: notValidated}},

		{"aud empty list", with(base(), object{"aud": []string{}}), refusal{reason: oidc.ReasonEmptyAudience, message: "Claim is not allowed to be empty: aud"}},
		{"aud empty string", with(base(), object{"aud": ""}), refusal{reason: oidc.ReasonAudience, message: notValidated}},
		{"two audiences", with(base(), object{"aud": []string{"sts.amazonaws.com", "other"}}), refusal{reason: oidc.ReasonMultipleAudiences,
			message: "Token audience contains more than one audience while authorized party is not present"}},
		{"two registered audiences", with(base(), object{"aud": []string{"client-b", "sts.amazonaws.com"}}), refusal{reason: oidc.ReasonMultipleAudiences}},
		{"aud not registered", with(base(), object{"aud": "other"}), refusal{reason: oidc.ReasonAudience, message: notValidated,
			detail: `["sts.amazonaws.com" "client-b"]`}},
		{"aud in other letter case", with(base(), object{"aud": "STS.amazonaws.com"}), refusal{reason: oidc.ReasonAudience, hint: "case"}},
		{"aud misspelt", with(base(), object{"aud": "sts.amazon.com"}), refusal{reason: oidc.ReasonAudience, hint: "sts-amazon-com"}},
		{"aud of the API server", with(base(), object{"aud": "https://kubernetes.default.svc.cluster.local"}), refusal{reason: oidc.ReasonAudience, hint: "default-token"}},
		{"aud of GitHub's default", with(base(), object{"aud": "https://github.com/octo-org"}), refusal{reason: oidc.ReasonAudience, hint: "default-audience"}},
		{"aud of China", with(base(), object{"aud": "sts.amazonaws.com.cn"}), refusal{reason: oidc.ReasonAudience, hint: "partition"}},
		{"azp not registered", with(base(), object{"azp": "other"}), refusal{reason: oidc.ReasonAudience, message: notValidated, detail: `"other"`}},
		{"azp empty", with(base(), object{"azp": ""}), refusal{reason: oidc.ReasonAudience, message: notValidated}},
		{"azp hides a registered aud", with(base(), object{"aud": "sts.amazonaws.com", "azp": "other"}), refusal{reason: oidc.ReasonAudience}},

		{"iat null", with(base(), object{"iat": nil}), refusal{reason: oidc.ReasonTimestamp, message: badTimestamp}},
		{"iat fraction", with(base(), object{"iat": 1799999999.5}), refusal{reason: oidc.ReasonTimestamp, message: badTimestamp}},
		{"exp fraction", with(base(), object{"exp": 1800000100.5}), refusal{reason: oidc.ReasonTimestamp, message: badTimestamp}},
		{"exp text", with(base(), object{"exp": "tomorrow"}), refusal{reason: oidc.ReasonTimestamp, message: badTimestamp}},
		{"exp boolean", with(base(), object{"exp": true}), refusal{reason: oidc.ReasonTimestamp, message: badTimestamp}},
		{"exp beyond 64 bits", with(base(), object{"exp": "99999999999999999999"}), refusal{reason: oidc.ReasonTimestamp, message: badTimestamp}},
		{"nbf text", with(base(), object{"nbf": "invalid"}), refusal{reason: oidc.ReasonTimestamp, message: badTimestamp}},
		{"nbf null", with(base(), object{"nbf": nil}), refusal{reason: oidc.ReasonTimestamp, message: badTimestamp}},

		{"iat an hour ahead", with(base(), object{"iat": at(3600)}), refusal{reason: oidc.ReasonIssuedInFuture, message: fmt.Sprintf("Token issued in the future: %d", at(3600))}},
		{"iat 301 s ahead", with(base(), object{"iat": at(301)}), refusal{reason: oidc.ReasonIssuedInFuture}},
		{"nbf an hour ahead", with(base(), object{"nbf": at(3600)}), refusal{reason: oidc.ReasonNotYetValid,
			message: fmt.Sprintf("Token not yet valid: current date/time %d must be after or equal to the not-before date/time %d", at(300), at(3600))}},
		{"nbf 301 s ahead", with(base(), object{"nbf": at(301)}), refusal{reason: oidc.ReasonNotYetValid}},
		{"expired an hour ago", with(base(), object{"exp": at(-3600)}), refusal{reason: oidc.ReasonExpired, code: "ExpiredTokenException",
			message: fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", at(-300), at(-3600))}},
		{"expired 300 s ago", with(base(), object{"exp": at(-300)}), refusal{reason: oidc.ReasonExpired, code: "ExpiredTokenException"}},
		{"expired before 1970", with(base(), object{"exp": -1 << 63}), refusal{reason: oidc.ReasonExpired, code: "ExpiredTokenException"}},

		{"tag value a string", with(base(), object{"https://aws.amazon.com/tags": object{"principal_tags": object{"Team": "engineering"}}}),
			refusal{reason: oidc.ReasonSessionTags, message: badTags}},
		{"tag value two strings", with(base(), object{"https://aws.amazon.com/tags": object{"principal_tags": object{"Team": []string{"a", "b"}}}}),
			refusal{reason: oidc.ReasonSessionTags, message: badTags}},
		{"tag value a number", with(base(), object{"https://aws.amazon.com/tags": object{"principal_tags": object{"Team": []int{1}}}}),
			refusal{reason: oidc.ReasonSessionTags, message: badTags}},
		{"tags a list", with(base(), object{"https://aws.amazon.com/tags": []string{"a"}}), refusal{reason: oidc.ReasonSessionTags, message: badTags}},
		{"principal_tags a list", with(base(), object{"https://aws.amazon.com/tags": object{"principal_tags": []string{"a"}}}), refusal{reason: oidc.ReasonSessionTags, message: badTags}},
		{"tag value with a bar", with(base(), object{"https://aws.amazon.com/tags": object{"principal_tags": object{"UserId": []string{"auth0|1"}}}}),
			refusal{reason: oidc.ReasonSessionTags, message: badTags}},
		{"tag value too long", with(base(), object{"https://aws.amazon.com/tags": object{"principal_tags": object{"K": []string{strings.Repeat("v", 257)}}}}),
			refusal{reason: oidc.ReasonSessionTags}},
		{"tag key of AWS", with(base(), object{"https://aws.amazon.com/tags/principal_tags/aws:x": "v"}), refusal{reason: oidc.ReasonSessionTags}},
		{"flat tag a list", with(base(), object{"https://aws.amazon.com/tags/principal_tags/Team": []string{"a"}}), refusal{reason: oidc.ReasonSessionTags}},
		{"51 tags", with(base(), manyTags(51)), refusal{reason: oidc.ReasonSessionTags, detail: "50"}},
		// These two texts are AssumeRole's for its Tags parameter.
		{"tag keys that differ in case", with(base(), object{"https://aws.amazon.com/tags": object{"principal_tags": object{"a": []string{"1"}, "A": []string{"2"}}}}),
			refusal{reason: oidc.ReasonSessionTags, code: "InvalidParameterValue", message: "Duplicate tag keys found. Please note that Tag keys are case insensitive."}},
		{"transitive key without a tag", with(base(), object{"https://aws.amazon.com/tags": object{"transitive_tag_keys": []string{"Team"}}}),
			refusal{reason: oidc.ReasonSessionTags, code: "InvalidParameterValue", message: "The specified transitive tag key must be included in the requested tags."}},
		{"transitive keys a string", with(base(), object{"https://aws.amazon.com/tags/transitive_tag_keys": "Team"}), refusal{reason: oidc.ReasonSessionTags}},

		{"source identity with a space", with(base(), object{"https://aws.amazon.com/source_identity": "a b"}), refusal{reason: oidc.ReasonSourceIdentity}},
		{"source identity of one character", with(base(), object{"https://aws.amazon.com/source_identity": "a"}), refusal{reason: oidc.ReasonSourceIdentity}},
		{"source identity a number", with(base(), object{"https://aws.amazon.com/source_identity": 12}), refusal{reason: oidc.ReasonSourceIdentity}},

		{"roles a number", with(base(), object{"https://aws.amazon.com/roles": 1}), refusal{reason: oidc.ReasonRolesClaim, message: "The roles claim is not in a supported format"}},
		{"roles an object", with(base(), object{"https://aws.amazon.com/roles": object{}}), refusal{reason: oidc.ReasonRolesClaim, message: "The roles claim is not in a supported format"}},
		{"roles empty list", with(base(), object{"https://aws.amazon.com/roles": []string{}}), refusal{reason: oidc.ReasonRolesClaim, message: "The roles claim contains no valid role ARNs"}},
		{"roles empty string", with(base(), object{"https://aws.amazon.com/roles": ""}), refusal{reason: oidc.ReasonRolesClaim, message: "The roles claim contains no valid role ARNs"}},
		{"roles with a wildcard", with(base(), object{"https://aws.amazon.com/roles": "arn:aws:iam::111122223333:role/*"}), refusal{reason: oidc.ReasonRolesClaim, message: "The roles claim contains no valid role ARNs"}},
	}
	keys := keysOf(issuer(rsaKey()))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := verify(keys, provider, mint(rsaKey(), tt.claims))
			checkRefusal(t, err, tt.want)
		})
	}
}

func manyTags(n int) object {
	tags := object{}
	for i := range n {
		tags[fmt.Sprintf("https://aws.amazon.com/tags/principal_tags/K%d", i)] = "v"
	}
	return tags
}

func TestAcceptedClaims(t *testing.T) {
	at := func(seconds int64) int64 { return now.Unix() + seconds }
	role := "arn:aws:iam::111122223333:role/path/Name"
	tests := []struct {
		name    string
		changes object
		check   func(*oidc.Claims) string // "" is good
	}{
		{"one audience in a list", object{"aud": []string{"sts.amazonaws.com"}}, func(c *oidc.Claims) string {
			return cmp.Diff("sts.amazonaws.com", c.Audience)
		}},
		{"azp replaces aud", object{"aud": "other", "azp": "client-b"}, func(c *oidc.Claims) string {
			return cmp.Diff([]string{"client-b", "other"}, append([]string{c.Audience}, c.OriginalAudience...))
		}},
		{"azp with two audiences", object{"aud": []string{"other", "sts.amazonaws.com"}, "azp": "client-b"}, func(c *oidc.Claims) string {
			return cmp.Diff([]string{"other", "sts.amazonaws.com"}, c.OriginalAudience)
		}},
		{"sub empty", object{"sub": ""}, func(c *oidc.Claims) string { return cmp.Diff("", c.Subject) }},
		{"sub of one character", object{"sub": "a"}, func(c *oidc.Claims) string { return cmp.Diff("a", c.Subject) }},
		{"sub of 300 characters", object{"sub": strings.Repeat("a", 300)}, func(c *oidc.Claims) string { return cmp.Diff(300, len(c.Subject)) }},
		{"sub a number", object{"sub": 123}, func(c *oidc.Claims) string { return cmp.Diff("123", c.Subject) }},
		{"sub not ASCII", object{"sub": "grüße\u2028<&>"}, func(c *oidc.Claims) string { return cmp.Diff("grüße\u2028<&>", c.Subject) }},
		{"timestamps in strings", object{"iat": fmt.Sprint(at(0)), "exp": fmt.Sprint(at(600)), "nbf": fmt.Sprint(at(0))}, func(c *oidc.Claims) string {
			return cmp.Diff([]int64{at(0), at(600), at(0)}, []int64{c.IssuedAt, c.Expires, c.NotBefore})
		}},
		{"expired 299 s ago", object{"exp": at(-299)}, nil},
		{"iat 300 s ahead", object{"iat": at(300)}, nil},
		{"nbf 300 s ahead", object{"nbf": at(300)}, nil},
		{"issued long ago", object{"iat": at(-400 * 86400)}, nil},
		{"amr list", object{"amr": []string{"authenticated", "x"}}, func(c *oidc.Claims) string { return cmp.Diff([]string{"authenticated", "x"}, c.AMR) }},
		{"email", object{"email": "a@example.com"}, func(c *oidc.Claims) string { return cmp.Diff("a@example.com", c.Email) }},
		{"source identity", object{"https://aws.amazon.com/source_identity": "source-probe"}, func(c *oidc.Claims) string { return cmp.Diff("source-probe", c.SourceIdentity) }},
		{"nested tags", object{"https://aws.amazon.com/tags": object{"principal_tags": object{"Team": []string{"engineering"}, "Cost": []string{""}}, "transitive_tag_keys": []string{"team"}}},
			func(c *oidc.Claims) string {
				return cmp.Diff(map[string]string{"Team": "engineering", "Cost": ""}, c.Tags) + cmp.Diff([]string{"team"}, c.TransitiveTagKeys)
			}},
		{"flat tags", object{"https://aws.amazon.com/tags/principal_tags/Team": "engineering", "https://aws.amazon.com/tags/transitive_tag_keys": []string{"Team"}},
			func(c *oidc.Claims) string {
				return cmp.Diff(map[string]string{"Team": "engineering"}, c.Tags) + cmp.Diff([]string{"Team"}, c.TransitiveTagKeys)
			}},
		{"50 tags", manyTags(50), func(c *oidc.Claims) string { return cmp.Diff(50, len(c.Tags)) }},
		{"roles a string", object{"https://aws.amazon.com/roles": role}, func(c *oidc.Claims) string { return cmp.Diff([]string{role}, c.Roles) }},
		{"roles between semicolons", object{"https://aws.amazon.com/roles": "junk; " + role + " ;"}, func(c *oidc.Claims) string { return cmp.Diff([]string{role}, c.Roles) }},
		{"roles a list, one bad", object{"https://aws.amazon.com/roles": []any{1, "junk", " " + role}}, func(c *oidc.Claims) string { return cmp.Diff([]string{role}, c.Roles) }},
		{"roles null", object{"https://aws.amazon.com/roles": nil}, func(c *oidc.Claims) string { return cmp.Diff(false, c.RolesPresent) }},
	}
	keys := keysOf(issuer(rsaKey()))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims, err := verify(keys, provider, mint(rsaKey(), with(base(), tt.changes)))
			if err != nil {
				t.Fatal(err)
			}
			if tt.check != nil {
				if diff := tt.check(claims); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// Recorded: duplicate-claim. The last member counts, for every check alike.
func TestDuplicateMember(t *testing.T) {
	keys := keysOf(issuer(rsaKey()))
	text := strings.TrimSuffix(string(mustJSON(base())), "}")
	last := func(member string) string {
		return sign(rsaKey(), "RS256", header(rsaKey()), []byte(text+","+member+"}"))
	}
	_, err := verify(keys, provider, last(`"aud":"other"`))
	checkRefusal(t, err, refusal{reason: oidc.ReasonAudience})
	_, err = verify(keys, provider, last(`"\u0061ud":"other"`)) // the same name, escaped
	checkRefusal(t, err, refusal{reason: oidc.ReasonAudience})

	claims, err := verify(keys, provider, last(`"sub":"second"`))
	if err != nil {
		t.Fatal(err)
	}
	if claims.Subject != "second" || claims.Map()["sub"] != "second" {
		t.Errorf("sub is %q, and %q in the map", claims.Subject, claims.Map()["sub"])
	}
}

func TestCheckRole(t *testing.T) {
	role := "arn:aws:iam::111122223333:role/Name"
	tests := []struct {
		name    string
		claim   object
		target  string
		refused oidc.Reason
	}{
		{"no roles claim", nil, role, ""},
		{"in the claim", object{"https://aws.amazon.com/roles": []string{"arn:aws:iam::111122223333:role/x", role}}, role, ""},
		{"not in the claim", object{"https://aws.amazon.com/roles": "arn:aws:iam::111122223333:role/x"}, role, oidc.ReasonRoleNotInClaim},
		{"in other letter case", object{"https://aws.amazon.com/roles": "arn:aws:iam::111122223333:role/name"}, role, oidc.ReasonRoleNotInClaim},
		{"unreadable", object{"https://aws.amazon.com/roles": 1}, role, oidc.ReasonRolesClaim},
		// The roles claim is read whatever is wrong with the tags, which STS looks at later.
		{"beside broken tags", object{"https://aws.amazon.com/roles": "arn:aws:iam::111122223333:role/x", "https://aws.amazon.com/tags": 1}, role, oidc.ReasonRoleNotInClaim},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims, err := oidc.ReadClaims(mustJSON(with(base(), tt.claim)))
			if err != nil {
				t.Fatal(err)
			}
			err = claims.CheckRole(tt.target)
			if tt.refused == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			checkRefusal(t, err, refusal{reason: tt.refused})
		})
	}
}

func TestNoProvider(t *testing.T) {
	const registered = "https://oidc.eks.us-west-2.amazonaws.com/id/AAAA"
	tests := []struct{ name, issuer, hint string }{
		{"trailing slash", registered + "/", "trailing-slash"},
		{"letter case", "https://OIDC.eks.us-west-2.amazonaws.com/id/AAAA", "case"},
		{"port", "https://oidc.eks.us-west-2.amazonaws.com:443/id/AAAA", "port"},
		{"no scheme", "oidc.eks.us-west-2.amazonaws.com/id/AAAA", "scheme"},
		{"rebuilt cluster", "https://oidc.eks.us-west-2.amazonaws.com/id/BBBB", "other-cluster"},
		{"misspelt", "https://oidc.eks.us-west-1.amazonaws.com/id/AAAA", "nearest-provider"},
		{"something else", "https://token.actions.githubusercontent.com", oidc.HintCreateProvider},
		{"legacy token", "kubernetes/serviceaccount", "legacy-token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkRefusal(t, oidc.NoProvider(tt.issuer, []string{"https://gitlab.example.com", registered}), refusal{
				reason: oidc.ReasonNoProvider, message: "No OpenIDConnect provider found in your account for " + tt.issuer,
				detail: registered, hint: tt.hint,
			})
		})
	}
	t.Run("a token of another issuer is never verified", func(t *testing.T) {
		other := oidc.Provider{URL: "https://other.example.com", ClientIDs: provider.ClientIDs}
		_, err := verify(keysOf(&oidc.Issuer{URL: other.URL, Keys: []*oidc.SigningKey{rsaKey()}}), other, mint(rsaKey(), base()))
		checkRefusal(t, err, refusal{reason: oidc.ReasonNoProvider})
	})
}

// The order of the stages: each token is wrong in everything from its stage on,
// and is refused for the first.
func TestOrder(t *testing.T) {
	expired := object{"exp": now.Unix() - 3600}
	wrongKey := func(claims object) string {
		return sign(otherRSA(), "RS256", header(rsaKey()), mustJSON(claims))
	}
	tests := []struct {
		name  string
		token string
		want  oidc.Reason
	}{
		{"shape before claims", "x.y", oidc.ReasonNotAJWT},
		{"algorithm before claims", sign(rsaKey(), "RS256", []byte(`{"alg":"HS256"}`), []byte(`{}`)), oidc.ReasonUnsupportedAlgorithm},
		{"missing claim before audience", wrongKey(with(lacking(base(), "exp"), object{"aud": "other"})), oidc.ReasonMissingClaim},
		{"audience before key", sign(rsaKey(), "RS256", []byte(`{"alg":"RS256","kid":"x"}`), mustJSON(with(base(), object{"aud": "other"}))), oidc.ReasonAudience},
		{"key before signature", sign(otherRSA(), "RS256", []byte(`{"alg":"RS256","kid":"x"}`), mustJSON(with(base(), expired))), oidc.ReasonUnknownKey},
		{"signature before times", wrongKey(with(base(), expired)), oidc.ReasonBadSignature},
		{"times before tags", mint(rsaKey(), with(base(), object{"exp": now.Unix() - 3600, "https://aws.amazon.com/tags": 1})), oidc.ReasonExpired},
	}
	keys := keysOf(issuer(rsaKey(), ecKey()))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := verify(keys, provider, tt.token)
			checkRefusal(t, err, refusal{reason: tt.want, code: map[bool]string{true: "ExpiredTokenException"}[tt.want == oidc.ReasonExpired]})
		})
	}
}

func TestReadClaims(t *testing.T) {
	claims, err := oidc.ReadClaims(mustJSON(with(base(), object{"https://aws.amazon.com/tags/principal_tags/Team": "a"})))
	if err != nil {
		t.Fatal(err)
	}
	if claims.Subject != "system:serviceaccount:ns:sa" || claims.Tags["Team"] != "a" {
		t.Errorf("got %+v", claims)
	}
	_, err = oidc.ReadClaims([]byte(`[]`))
	checkRefusal(t, err, refusal{reason: oidc.ReasonNotAJWT})
}

// Claims are read as far as they can be, so that an explanation can show them.
func TestReadClaimsInPart(t *testing.T) {
	tests := []struct {
		name       string
		claims     object
		refused    oidc.Reason
		identified bool
	}{
		{"nothing", object{}, oidc.ReasonMissingClaim, false},
		{"no aud", lacking(base(), "aud"), oidc.ReasonMissingClaim, false},
		{"iss a number", with(base(), object{"iss": 1}), oidc.ReasonMalformedClaim, false},
		{"no iat", lacking(base(), "iat"), oidc.ReasonMissingClaim, true},
		{"exp text", with(base(), object{"exp": "tomorrow"}), oidc.ReasonTimestamp, true},
		{"a missing claim before a malformed one", with(lacking(base(), "exp"), object{"iss": 1}), oidc.ReasonMissingClaim, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims, err := oidc.ReadClaims(mustJSON(tt.claims))
			if err != nil {
				t.Fatal(err)
			}
			checkRefusal(t, claims.Check(), refusal{reason: tt.refused})
			if claims.Identified() != tt.identified {
				t.Errorf("identified is %v", claims.Identified())
			}
			if sub, ok := tt.claims["sub"].(string); ok && claims.Subject != sub {
				t.Errorf("sub is %q, want %q", claims.Subject, sub)
			}
		})
	}
}

// NotChecked makes every check but those of signature and times, and says so.
func TestNotChecked(t *testing.T) {
	v := &oidc.Verifier{Keys: oidc.NotChecked, Now: clock}
	verify := func(changes object) (*oidc.Claims, error) {
		claims, err := oidc.ReadClaims(mustJSON(with(base(), changes)))
		if err != nil {
			t.Fatal(err)
		}
		return v.Verify(context.Background(), provider, claims)
	}
	claims, err := verify(object{"exp": now.Unix() - 3600})
	if err != nil || !claims.NotChecked {
		t.Errorf("got %+v, %v", claims, err)
	}
	_, err = verify(object{"aud": "other"})
	checkRefusal(t, err, refusal{reason: oidc.ReasonAudience})
	_, err = verify(object{"https://aws.amazon.com/tags": 1})
	checkRefusal(t, err, refusal{reason: oidc.ReasonSessionTags})

	// Claims that were written down never pass where signatures are checked.
	unsigned, err := oidc.ReadClaims(mustJSON(base()))
	if err != nil {
		t.Fatal(err)
	}
	v.Keys = keysOf(issuer(rsaKey()))
	_, err = v.Verify(context.Background(), provider, unsigned)
	checkRefusal(t, err, refusal{reason: oidc.ReasonBadSignature})
}
