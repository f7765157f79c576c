package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Finding is the outcome of one rule that STS has for issuers.
type Finding struct {
	// Rule names the rule; the names are stable.
	Rule string `json:"rule"`
	OK   bool   `json:"ok"`
	// Found says what was found, in one line.
	Found string `json:"found"`
	// Fix says what to do, if the rule is broken.
	Fix string `json:"fix,omitempty"`
}

// CheckIssuer checks an issuer's documents against the rules by which STS accepts
// an issuer. It asks nothing of the network, and leaves out the rules about
// documents that are not there. Sources: AWS's documents, and what STS was
// recorded to refuse.
func CheckIssuer(d IssuerDocuments) []Finding {
	var r report
	if d.URL != "" {
		r.url(d.URL)
	}
	if d.Fetched {
		r.fetch(d)
	}
	if d.Discovery != nil {
		r.discovery(d)
	}
	if d.JWKS != nil {
		r.keys(d.JWKS)
	}
	return r.findings
}

type report struct{ findings []Finding }

func (r *report) rule(name string, ok bool, found, fix string) {
	if ok {
		fix = ""
	}
	r.findings = append(r.findings, Finding{Rule: name, OK: ok, Found: found, Fix: fix})
}

func (r *report) url(text string) {
	u, err := url.Parse(text)
	if err != nil {
		r.rule("url", false, fmt.Sprintf("%q is not a URL", text), "write https://HOST/PATH")
		return
	}
	r.rule("url-https", u.Scheme == "https" && u.Host != "", "the issuer is "+text, "serve the issuer over https")
	r.rule("url-plain", u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" && u.User == nil,
		"query, fragment and credentials: "+orNone(strings.TrimSuffix(u.RawQuery+"#"+u.Fragment, "#")),
		"IAM refuses provider URLs with a query or a fragment: take them away")
	r.rule("url-port", u.Port() == "" || u.Port() == "443", "port: "+orNone(u.Port()), "AWS wants no port in a provider's URL: serve on 443")
	r.rule("url-length", len(text) <= 255, fmt.Sprintf("%d characters", len(text)), "a provider's URL has at most 255 characters")
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// awsPatience is how long STS waits for an issuer (recorded: about 5 s).
const awsPatience = 5 * time.Second

func (r *report) fetch(d IssuerDocuments) {
	if d.Err != nil {
		r.rule("fetch", false, d.Err.Error(), fetchFix(d.Err))
	} else {
		r.rule("fetch", true, "discovery document and key set were fetched", "")
	}
	r.rule("time", d.Elapsed < awsPatience, d.Elapsed.Round(time.Millisecond).String(), "STS gives up after about 5 s: make the issuer answer faster")
	if len(d.Chain) == 0 {
		return
	}
	top, err := Thumbprint(d.Chain)
	if err != nil {
		r.rule("tls-chain", false, err.Error(), "send the leaf first, then each signer of the one before")
		return
	}
	r.rule("tls-chain", true, fmt.Sprintf("%d certificates, in order", len(d.Chain)), "")
	if len(d.Untrusted) == 0 {
		r.rule("tls-trust", true, "a trusted root signed the chain, thumbprints are not consulted (this one's is "+top+")", "")
		return
	}
	r.rule("tls-trust", false, "no trusted root signed the chain",
		"register the thumbprint with the provider: --thumbprint-list "+strings.Join(slices.Compact(slices.Sorted(slices.Values(d.Untrusted))), " "))
}

func fetchFix(err error) string {
	var failed *KeyError
	if !errors.As(err, &failed) {
		return "make the issuer reachable"
	}
	switch failed.Step {
	case StepURL:
		return "give the issuer as https://HOST/PATH"
	case StepDNS:
		return "give the host a public DNS name: STS resolves it on the internet"
	case StepAddress:
		return "STS reaches public addresses only; for this emulator, publish the key set or allow the address range"
	case StepConnect:
		return "let the internet reach the host on port 443"
	case StepTLS:
		return "serve a certificate for this host name that is in date, with its chain"
	case StepTime:
		return "STS gives up after about 5 s: make the issuer answer faster"
	case StepStatus:
		return "serve the document with status 200 to callers without credentials (on a cluster: bind system:service-account-issuer-discovery to system:unauthenticated)"
	case StepRedirect:
		return "serve the document at this URL, without redirects"
	case StepSize:
		return "serve a smaller document"
	case StepJSON:
		return "serve JSON"
	}
	return "see the rules below"
}

func (r *report) discovery(d IssuerDocuments) {
	document, err := splitObject(d.Discovery)
	r.rule("discovery-json", err == nil, found(err, "the discovery document is a JSON object"), "serve a JSON object")
	if err != nil {
		return
	}
	issuer, _ := document.text("issuer")
	if d.URL != "" {
		r.rule("discovery-issuer", issuer == d.URL, fmt.Sprintf("issuer is %q", issuer), fmt.Sprintf("make it %q, to the letter: slashes and case count", d.URL))
	} else {
		r.rule("discovery-issuer", issuer != "", fmt.Sprintf("issuer is %q", issuer), "add issuer, equal to the iss of the tokens")
	}
	uri, _ := document.text("jwks_uri")
	r.rule("discovery-jwks-uri", checkFetchURL(uri) == nil, fmt.Sprintf("jwks_uri is %q", uri), "add jwks_uri, a public https URL")
	r.contains(document, "response_types_supported", "id_token")
	r.contains(document, "subject_types_supported", "public")
	algorithms := stringList(document, "id_token_signing_alg_values_supported")
	r.rule("discovery-id_token_signing_alg_values_supported", slices.ContainsFunc(algorithms, func(a string) bool { return canonicalAlgorithm(a) != "" }),
		fmt.Sprintf("id_token_signing_alg_values_supported is %q", algorithms), "list one of "+strings.Join(Algorithms[:], ", "))
}

func (r *report) contains(document members, name, want string) {
	list := stringList(document, name)
	r.rule("discovery-"+name, slices.ContainsFunc(list, func(item string) bool { return slices.Contains(strings.Fields(item), want) }),
		fmt.Sprintf("%s is %q", name, list), fmt.Sprintf("add %s with %q", name, want))
}

func found(err error, good string) string {
	if err != nil {
		return err.Error()
	}
	return good
}

func (r *report) keys(src []byte) {
	set, err := ParseJWKS(src)
	r.rule("jwks-json", err == nil, found(err, `the key set is a JSON object with "keys"`), `serve {"keys": [...]}`)
	if err != nil {
		return
	}
	usable := 0
	for _, k := range set.keys {
		if k.Problem == "" {
			usable++
		}
	}
	r.rule("jwks-usable", usable > 0, fmt.Sprintf("%d of %d keys are usable", usable, len(set.keys)), "publish an RSA or EC key with kid and use sig")
	r.rule("jwks-rsa-count", set.rsas <= mostKeysOfAType, fmt.Sprintf("%d RSA keys", set.rsas), "publish at most 100: beyond, STS takes no RSA key at all")
	r.rule("jwks-ec-count", set.ecs <= mostKeysOfAType, fmt.Sprintf("%d EC keys", set.ecs), "publish at most 100: beyond, STS takes no EC key at all")
	for i, k := range set.keys {
		what := fmt.Sprintf("key %d (kid %q)", i+1, clip([]byte(k.KID)))
		r.rule("jwk", k.Problem == "", what+": "+orGood(k.Problem), k.Fix)
	}
	if duplicates := set.duplicates(); len(duplicates) > 0 {
		r.rule("jwk-duplicate", false, fmt.Sprintf("kids that occur twice: %q", duplicates), "STS takes the last of them; give each key its own kid")
	}
	if private := privateMembers(src); len(private) > 0 {
		r.rule("jwks-private", false, fmt.Sprintf("private parts are published of the keys %q", private), "these keys are compromised: replace them, publish kty, kid, use, n and e only")
	}
}

func orGood(problem string) string {
	if problem == "" {
		return "usable"
	}
	return problem
}

// duplicates lists kids that occur twice for one key type.
func (s *KeySet) duplicates() []string {
	seen, twice := map[string]int{}, []string{}
	for _, k := range s.keys {
		id := k.Type + " " + k.KID
		if seen[id]++; seen[id] == 2 && k.KID != "" {
			twice = append(twice, k.KID)
		}
	}
	return twice
}

// privateMembers lists the kids of keys that are published with a private part.
func privateMembers(src []byte) []string {
	var document struct {
		Keys []struct {
			KID string           `json:"kid"`
			D   *json.RawMessage `json:"d"`
			K   *json.RawMessage `json:"k"`
		} `json:"keys"`
	}
	if json.Unmarshal(src, &document) != nil {
		return nil
	}
	var kids []string
	for _, k := range document.Keys {
		if k.D != nil || k.K != nil {
			kids = append(kids, k.KID)
		}
	}
	return kids
}
