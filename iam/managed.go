package iam

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// awsAccount is the account in the ARNs of AWS managed policies.
const (
	awsAccount      = "aws"
	awsPolicyPrefix = "arn:aws:iam::aws:policy/"
)

// managedJSON are the AWS managed policies that this API knows, with the source
// of each. Only the default version is known; its number is AWS's.
//
//go:embed managed_policies.json
var managedJSON []byte

// managedEntry is one policy of the data file.
type managedEntry struct {
	ARN         string          `json:"arn"`
	ID          string          `json:"id"`
	Version     string          `json:"version"`
	Description string          `json:"description,omitempty"`
	Created     time.Time       `json:"created"`
	Updated     time.Time       `json:"updated"`
	Source      string          `json:"source"`
	Document    json.RawMessage `json:"document"`
}

type managedFile struct {
	Sources  map[string]string `json:"sources"`
	Policies []managedEntry    `json:"policies"`
}

// managedTable parses a policy when it is first asked for: the file has many,
// an account uses few.
type managedTable struct {
	keys   []string // state keys, ascending
	policy map[string]func() *Policy
}

var managedOnce = sync.OnceValue(func() *managedTable {
	var file managedFile
	if err := json.Unmarshal(managedJSON, &file); err != nil {
		panic(fmt.Sprintf("iam: managed_policies.json: %v", err))
	}
	t := &managedTable{policy: make(map[string]func() *Policy, len(file.Policies))}
	for _, entry := range file.Policies {
		name := entry.ARN[strings.LastIndexByte(entry.ARN, '/')+1:]
		key := nameKey(awsAccount, name)
		t.keys = append(t.keys, key)
		t.policy[key] = sync.OnceValue(entry.policy)
	}
	slices.Sort(t.keys)
	return t
})

// policy parses the entry. A data file that does not parse is a mistake of the
// program, which a test finds.
func (e managedEntry) policy() *Policy {
	document, err := parseDocument(string(e.Document))
	if err != nil {
		panic(fmt.Sprintf("iam: managed_policies.json: %s: %v", e.ARN, err))
	}
	number, err := strconv.Atoi(strings.TrimPrefix(e.Version, "v"))
	if err != nil {
		panic(fmt.Sprintf("iam: managed_policies.json: %s: %v", e.ARN, err))
	}
	path := policyPath(e.ARN)
	return &Policy{
		Account: awsAccount, Path: path, Name: strings.TrimPrefix(e.ARN, "arn:aws:iam::aws:policy"+path), ID: e.ID,
		Description: e.Description, HasDescription: e.Description != "",
		Created: e.Created, Updated: e.Updated, Default: number, Last: number,
		Versions: []PolicyVersion{{Number: number, Document: document, Created: e.Updated}},
	}
}

// managedPolicy finds an AWS managed policy by its exact ARN.
func managedPolicy(arn string) (*Policy, bool) {
	make, ok := managedOnce().policy[nameKey(awsAccount, arn[strings.LastIndexByte(arn, '/')+1:])]
	if !ok {
		return nil, false
	}
	p := make()
	return p, p.ARN() == arn
}

// ManagedPolicies gives the AWS managed policies that are known, in ascending order of state key.
func ManagedPolicies() iter.Seq[*Policy] {
	return func(yield func(*Policy) bool) {
		t := managedOnce()
		for _, key := range t.keys {
			if !yield(t.policy[key]()) {
				return
			}
		}
	}
}
