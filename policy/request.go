package policy

import "strings"

// Request is one question: may this principal do this action on this resource?
type Request struct {
	Action    string    `json:"action"`             // "sts:AssumeRoleWithWebIdentity"
	Resource  string    `json:"resource,omitempty"` // an ARN, or "*" for actions without a resource
	Principal Principal `json:"principal"`
	Context   Context   `json:"context,omitempty"`
	// More has the keys that Context has not; nil: there are none.
	More Keys `json:"-"`
}

// Keys gives the condition keys of a request, whatever the case of their names:
// kept as a [Context], or worked out when they are asked for, as policies ask for few.
type Keys interface {
	Get(key string) (Values, bool)
}

// both are keys of which the first stand before the second.
type both struct{ first, second Keys }

func (b both) Get(key string) (Values, bool) {
	if v, ok := b.first.Get(key); ok {
		return v, true
	}
	return b.second.Get(key)
}

// keys are all that the request has.
func (r *Request) keys() Keys {
	switch {
	case r.More == nil:
		return r.Context
	case len(r.Context) == 0:
		return r.More
	}
	return both{r.Context, r.More}
}

// Principal is who asks. Exactly one kind of caller is described: a web
// identity (Federated and no ARN), an AWS service (Service), an anonymous
// caller, or an AWS principal with an ARN.
type Principal struct {
	Account   string `json:"account,omitempty"`   // twelve digits
	ARN       string `json:"arn,omitempty"`       // the session's, the user's or the account root's
	RoleARN   string `json:"roleArn,omitempty"`   // the role of a session, with its path
	Federated string `json:"federated,omitempty"` // provider ARN (or host) of a web identity
	Service   string `json:"service,omitempty"`   // "ec2.amazonaws.com"
	UniqueID  string `json:"uniqueId,omitempty"`  // AIDA… of a user; AROA… of a session's role, with or without ":session"
	Root      bool   `json:"root,omitempty"`
	Anonymous bool   `json:"anonymous,omitempty"`
}

// webIdentity tells a call that carries a token from a later call of the
// session which that token opened: the session has an ARN.
func (p *Principal) webIdentity() bool { return p.Federated != "" && p.ARN == "" }

// Values are the values of one condition key. Multi says that the key is a
// multivalued one (aws:TagKeys), however many values it has now.
type Values struct {
	List  []string `json:"list"`
	Multi bool     `json:"multi,omitempty"`
}

// Context holds the condition keys of a request. Key names ignore case and are
// stored in lower case; use [Context.Set] and [Context.Get].
type Context map[string]Values

// Set gives a single-valued key its value.
func (c Context) Set(key, value string) {
	c[strings.ToLower(key)] = Values{List: []string{value}}
}

var trueValue, falseValue = Values{List: []string{"true"}}, Values{List: []string{"false"}}

// SetBool is Set with "true" or "false".
func (c Context) SetBool(key string, value bool) {
	if value {
		c[strings.ToLower(key)] = trueValue
	} else {
		c[strings.ToLower(key)] = falseValue
	}
}

// SetMulti gives a multivalued key its values. An empty list counts as an
// absent key.
func (c Context) SetMulti(key string, values []string) {
	c[strings.ToLower(key)] = Values{List: values, Multi: true}
}

// Get returns the values of a key, whatever the case of its name.
func (c Context) Get(key string) (Values, bool) {
	v, ok := c[strings.ToLower(key)]
	return v, ok
}
