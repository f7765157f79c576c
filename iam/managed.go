package iam

import (
	"bytes"
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

// managedJSON are the AWS managed policies, with the source of each: one JSON
// document, one policy a line. Only the default version is known; its number is
// AWS's. An id marked idMade is ours, for the source did not have AWS's.
//
//go:embed managed_policies.json
var managedJSON []byte

// managedEntry is one policy of the data file.
type managedEntry struct {
	ARN         string          `json:"arn"`
	ID          string          `json:"id"`
	Version     string          `json:"version"`
	Description string          `json:"description"`
	Created     time.Time       `json:"created"`
	Updated     time.Time       `json:"updated"`
	Document    json.RawMessage `json:"document"`
}

// managedTable finds the line of a policy, and parses it when it is first asked
// for: there are more than a thousand, and an account uses few.
type managedTable struct {
	keys []string // state keys, ascending
	line map[string][]byte
	full map[string]func() *Policy
}

var managedOnce = sync.OnceValue(func() *managedTable {
	t := &managedTable{line: map[string][]byte{}, full: map[string]func() *Policy{}}
	for line := range bytes.Lines(managedJSON) {
		rest, ok := bytes.CutPrefix(line, []byte(`{"arn":"`))
		if !ok {
			continue
		}
		arn, _, _ := bytes.Cut(rest, []byte(`"`))
		key := nameKey(awsAccount, string(arn[bytes.LastIndexByte(arn, '/')+1:]))
		line = bytes.TrimRight(line, ",\n")
		t.keys = append(t.keys, key)
		t.line[key] = line
		t.full[key] = sync.OnceValue(func() *Policy { return readManaged(line, true) })
	}
	slices.Sort(t.keys)
	return t
})

// readManaged parses a line, with its document or without. A line that does not
// parse is a mistake of the data file, which a test finds.
func readManaged(line []byte, document bool) *Policy {
	if at := bytes.Index(line, []byte(`,"document":`)); !document && at >= 0 {
		line = append(line[:at:at], '}') // the document is the last member, and by far the longest
	}
	var e managedEntry
	if err := json.Unmarshal(line, &e); err != nil {
		panic(fmt.Sprintf("iam: managed_policies.json: %v in %.100s", err, line))
	}
	number, err := strconv.Atoi(strings.TrimPrefix(e.Version, "v"))
	if err != nil {
		panic(fmt.Sprintf("iam: managed_policies.json: %s: %v", e.ARN, err))
	}
	path := policyPath(e.ARN)
	p := &Policy{
		Account: awsAccount, Path: path, Name: strings.TrimPrefix(e.ARN, "arn:aws:iam::aws:policy"+path), ID: e.ID,
		Description: e.Description, HasDescription: e.Description != "",
		Created: e.Created, Updated: e.Updated, Default: number, Last: number,
	}
	if !document {
		return p
	}
	parsed, err := parseDocument(string(e.Document))
	if err != nil {
		panic(fmt.Sprintf("iam: managed_policies.json: %s: %v", e.ARN, err))
	}
	p.Versions = []PolicyVersion{{Number: number, Document: parsed, Created: e.Updated}}
	return p
}

// managedPolicy finds an AWS managed policy by its exact ARN.
func managedPolicy(arn string) (*Policy, bool) {
	read, ok := managedOnce().full[nameKey(awsAccount, arn[strings.LastIndexByte(arn, '/')+1:])]
	if !ok {
		return nil, false
	}
	p := read()
	return p, p.ARN() == arn
}

// ManagedPolicies gives the AWS managed policies that are known, in ascending
// order of state key and without their versions: [PolicyByARN] has those.
func ManagedPolicies() iter.Seq[*Policy] {
	return func(yield func(*Policy) bool) {
		t := managedOnce()
		for _, key := range t.keys {
			if !yield(readManaged(t.line[key], false)) {
				return
			}
		}
	}
}
