package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
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
	// Warning says that OK holds, but something has no effect or a cost: Fix says
	// what to do about it.
	Warning bool `json:"warning,omitempty"`
	// Found says what was found, in one line.
	Found string `json:"found"`
	// Fix says what to do, if the rule is broken or Warning is set.
	Fix string `json:"fix,omitempty"`
}

// CheckIssuer checks an issuer's documents against the rules by which STS accepts
// an issuer. It asks nothing of the network, and leaves out the rules about
// documents that are not there. Sources: AWS's documents, and what STS was
// recorded to refuse.
func CheckIssuer(d IssuerDocuments) []Finding {
	r := report{private: d.Private}
	if issuer := d.issuer(); issuer != "" {
		r.url(issuer)
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

// issuer is the URL that is given, else what the discovery document says.
func (d *IssuerDocuments) issuer() string {
	if d.URL != "" {
		return d.URL
	}
	document, err := splitObject(d.Discovery)
	if err != nil {
		return ""
	}
	issuer, _ := document.text("issuer")
	return issuer
}

type report struct {
	findings []Finding
	private  map[string]netip.Addr // as [IssuerDocuments] has it
	host     string                // of the issuer
}

// warn is a rule that holds, with a remark.
func (r *report) warn(name, found, fix string) {
	r.findings = append(r.findings, Finding{Rule: name, OK: true, Warning: true, Found: found, Fix: fix})
}

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
		"query, fragment and credentials: "+orText(strings.TrimSuffix(u.RawQuery+"#"+u.Fragment, "#"), "none"),
		"IAM refuses provider URLs with a query or a fragment: take them away")
	r.rule("url-port", u.Port() == "" || u.Port() == "443", "port: "+orText(u.Port(), "none"), "AWS wants no port in a provider's URL: serve on 443")
	r.host = u.Hostname()
	r.public("url-public", r.host, "the host is "+r.host, "STS fetches the issuer's documents over the internet: serve them under a public name")
	r.rule("url-length", len(text) <= 255, fmt.Sprintf("%d characters", len(text)), "a provider's URL has at most 255 characters")
}

// public is the rule that STS reaches a host. A name that leads to a private address
// here may lead to a public one on the internet.
func (r *report) public(name, host, found, fix string) {
	private := notPublicHost(host)
	if ip, here := r.private[host]; here && private == "" {
		r.warn(name, fmt.Sprintf("%s is %s from here, which is not a public address", host, ip), fix+", if that is its only one")
		return
	}
	r.rule(name, private == "", orText(private, found), fix)
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
	const jwksURI = "discovery-jwks-uri"
	says, fix := fmt.Sprintf("jwks_uri is %q", uri), "STS fetches the key set over the internet: make jwks_uri a public https URL (kube-apiserver --service-account-jwks-uri)"
	if err := checkFetchURL(uri); err != nil {
		r.rule(jwksURI, false, says+": "+err.Error(), fix)
	} else if u, err := url.Parse(uri); err == nil && u.Hostname() == r.host { // url-public says it
		r.rule(jwksURI, true, says, "")
	} else if err == nil {
		r.public(jwksURI, u.Hostname(), says, fix)
	}
	r.present(document, "response_types_supported", `["id_token"]`)
	r.present(document, "subject_types_supported", `["public"]`)
	r.present(document, "id_token_signing_alg_values_supported", `["RS256"]`)
}

// present asks as STS does, for the member alone: Entra ID, whose subject types
// are "pairwise", and SPIRE, which lists none, work with AWS (AWS APN blog on
// Entra ID; spiffe/spire, its OIDC discovery provider).
func (r *report) present(document members, name, usual string) {
	value, ok := document.get(name)
	r.rule("discovery-"+name, ok && !isNull(value), name+" is "+orText(clip(value), "absent"), "add "+name+", such as "+usual)
}

// notPublicNames end host names that no public DNS server knows: reserved by RFC
// 2606, 6761, 6762, 8375 and ICANN, and those that clusters use inside.
var notPublicNames = []string{"localhost", "local", "internal", "svc", "test", "invalid", "home.arpa", "lan", "corp", "home", "intranet", "private"}

// notPublicHost says why STS cannot reach a host, by its name alone; "" if it may.
func notPublicHost(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		if !isPublic(ip.Unmap().WithZone("")) {
			return host + " is not a public address"
		}
		return ""
	}
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if !strings.Contains(name, ".") {
		return fmt.Sprintf("%q is not a public name: it has no domain", host)
	}
	for _, end := range notPublicNames {
		if strings.HasSuffix(name, "."+end) {
			return fmt.Sprintf("%s is not a public name: .%s is not on the internet", host, end)
		}
	}
	return ""
}

func orText(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
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
		what := fmt.Sprintf("key %d (kid %q)", i+1, clip(k.KID))
		if k.Problem != "" && usable > 0 { // the others serve; no token that this one signed does
			r.warn("jwk", what+": STS does not use it: "+k.Problem, k.Fix)
			continue
		}
		r.rule("jwk", k.Problem == "", what+": "+orText(k.Problem, "usable"), k.Fix)
	}
	if duplicates := set.duplicates(); len(duplicates) > 0 {
		r.rule("jwk-duplicate", false, fmt.Sprintf("kids that occur twice: %q", duplicates), "STS takes the last of them; give each key its own kid")
	}
	if private := privateMembers(src); len(private) > 0 {
		r.rule("jwks-private", false, fmt.Sprintf("private parts are published of the keys %q", private), "these keys are compromised: replace them, publish kty, kid, use, n and e only")
	}
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
