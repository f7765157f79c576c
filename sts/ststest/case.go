// Package ststest reads the golden cases of package sts, so that the server and
// the command check are asked the same questions.
package ststest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
)

// What the cases are about.
const (
	Home    = aws.DefaultAccount
	Away    = "444455556666"
	Issuer  = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"
	Subject = "system:serviceaccount:your-namespace:your-service-account"
	// WebIdentity is the action that a case calls unless it says another.
	WebIdentity = "AssumeRoleWithWebIdentity"
)

// Epoch is when the cases happen.
var Epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Case is one call, by the lines of its script:
//
//	action NAME        instead of AssumeRoleWithWebIdentity
//	form KEY=VALUE     sets a parameter; form -KEY removes it
//	role NAME          the role, in the home account unless it is an ARN
//	claim KEY=JSON     sets a claim of the token; claim -KEY removes it
//	payload JSON       is the token's payload, as it stands
//	header JSON        is the token's header (the signature then fits it still)
//	unsigned           cuts the signature's first letters off
//	token TEXT         is the token
//	as NAME            signs: admin, alice, or an earlier case of the archive
//	clock DURATION     moves the clock
//	json               asks for a JSON answer
//	nokeys             has no keys of any issuer
//
// Lines that begin with # tell where the behaviour is known from.
type Case struct {
	Form url.Values
	// Header and Payload are the token's.
	Header, Payload string
	// Token is the whole token, when the script gives it.
	Token *string
	// NoToken says that the call has none, or is another action.
	NoToken              bool
	Unsigned, JSON, Keys bool
	As                   string
	Clock                time.Duration
}

// Claims are those of the tutorial's service account.
func Claims() map[string]any {
	return map[string]any{
		"iss": Issuer, "sub": Subject, "aud": []string{aws.DefaultAudience},
		"iat": Epoch.Add(-10 * time.Second).Unix(), "exp": Epoch.Add(time.Hour).Unix(),
	}
}

// Read reads a script. kid is the id of the key that signs.
func Read(script, kid string) (*Case, error) {
	c := &Case{Keys: true, Header: fmt.Sprintf(`{"alg":"RS256","kid":%q}`, kid), Form: url.Values{
		"Action": {WebIdentity}, "RoleArn": {aws.PartitionARN("", "iam", Home, "role/open")}, "RoleSessionName": {"session"},
	}}
	claims := Claims()
	for line := range strings.Lines(script) {
		if err := c.line(strings.TrimSuffix(line, "\n"), kid, claims); err != nil {
			return nil, err
		}
	}
	if c.Payload == "" {
		payload, err := json.Marshal(claims)
		if err != nil {
			return nil, err
		}
		c.Payload = string(payload)
	}
	c.NoToken = c.NoToken || c.Form.Get("Action") != WebIdentity
	return c, nil
}

func (c *Case) line(line, kid string, claims map[string]any) error {
	verb, rest, _ := strings.Cut(line, " ")
	key, value, _ := strings.Cut(rest, "=")
	switch verb {
	case "#", "":
	case "action":
		c.Form = url.Values{"Action": {rest}}
	case "form":
		c.form(rest, key, value)
	case "role":
		if !strings.HasPrefix(rest, "arn:") {
			rest = aws.PartitionARN("", "iam", Home, "role/"+rest)
		}
		c.Form.Set("RoleArn", rest)
	case "claim":
		if strings.HasPrefix(rest, "-") {
			delete(claims, rest[1:])
		} else {
			// A claim's name may hold "=" no more than a URL's path does.
			claims[key] = json.RawMessage(expand(value))
		}
	case "payload":
		c.Payload = rest
	case "header":
		c.Header = strings.ReplaceAll(rest, "KID", kid)
	case "token":
		rest = expand(rest)
		c.Token = &rest
	case "unsigned":
		c.Unsigned = true
	case "as":
		c.As = rest
	case "clock":
		var err error
		c.Clock, err = time.ParseDuration(rest)
		return err
	case "json":
		c.JSON = true
	case "nokeys":
		c.Keys = false
	default:
		return fmt.Errorf("unknown line %q", line)
	}
	return nil
}

func (c *Case) form(rest, key, value string) {
	if !strings.HasPrefix(rest, "-") {
		c.Form.Set(key, expand(value))
		return
	}
	c.Form.Del(rest[1:])
	c.NoToken = c.NoToken || rest[1:] == "WebIdentityToken"
}

// Signed are the bytes under the token's signature.
func (c *Case) Signed() string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.Header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(c.Payload))
}

var (
	repeated = regexp.MustCompile(`\{(\d+)\*([^}]*)\}`)
	relative = regexp.MustCompile(`\{[+-][0-9hms.]+\}`)
)

// expand writes out {N*text}, and times relative to the epoch as in {+301s}.
func expand(s string) string {
	s = repeated.ReplaceAllStringFunc(s, func(m string) string {
		var n int
		count, text, _ := strings.Cut(m[1:len(m)-1], "*")
		fmt.Sscan(count, &n)
		return strings.Repeat(text, n)
	})
	return relative.ReplaceAllStringFunc(s, func(m string) string {
		d, err := time.ParseDuration(m[1 : len(m)-1])
		if err != nil {
			return m
		}
		return fmt.Sprint(Epoch.Add(d).Unix())
	})
}
