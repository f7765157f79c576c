package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// recording is what LocalStack recorded on AWS when it created the
// service-linked role of one service.
type recording struct {
	Content struct {
		Describe struct {
			Role struct{ RoleName, Description string }
		} `json:"describe-response"`
		Attached struct {
			AttachedPolicies []struct{ PolicyArn string }
		} `json:"attached-role-policies"`
	} `json:"recorded-content"`
}

// role is a line of the table.
type role struct {
	Name        string   `json:"name"`
	Policies    []string `json:"policies"` // after arn:PARTITION:iam::aws:policy/
	Description string   `json:"description,omitempty"`
	Suffix      bool     `json:"suffix,omitempty"` // a suffix may follow the name
}

const (
	roleTest       = "::test_service_role_lifecycle["
	suffixTest     = "::test_service_role_lifecycle_custom_suffix["
	recordedPrefix = "arn:<partition>:iam::aws:policy/"
)

// documented are roles that the recording lacks.
var documented = map[string]role{
	// Application Auto Scaling user guide, "Service-linked roles".
	"custom-resource.application-autoscaling.amazonaws.com": {Name: "AWSServiceRoleForApplicationAutoScaling_CustomResource",
		Policies: []string{"aws-service-role/AWSApplicationAutoScalingCustomResourcePolicy"}},
}

// serviceRoleTable makes the table, one service per line.
func serviceRoleTable(snapshot string) ([]byte, error) {
	raw, err := os.ReadFile(snapshot)
	if err != nil {
		return nil, err
	}
	var tests map[string]json.RawMessage
	if err := json.Unmarshal(raw, &tests); err != nil {
		return nil, err
	}
	table := map[string]role{}
	for test, raw := range tests {
		service, ok := parameter(test, roleTest)
		if !ok {
			continue
		}
		var recorded recording
		if err := json.Unmarshal(raw, &recorded); err != nil {
			return nil, fmt.Errorf("%s: %w", test, err)
		}
		described := recorded.Content.Describe.Role
		r := role{Name: described.RoleName, Description: described.Description}
		for _, p := range recorded.Content.Attached.AttachedPolicies {
			name, ok := strings.CutPrefix(p.PolicyArn, recordedPrefix)
			if !ok {
				return nil, fmt.Errorf("%s: the policy %q is not an AWS managed one", test, p.PolicyArn)
			}
			r.Policies = append(r.Policies, name)
		}
		if r.Name == "" || len(r.Policies) == 0 {
			return nil, fmt.Errorf("%s: no role or no policy recorded", test)
		}
		table[service] = r
	}
	for test := range tests {
		if service, ok := parameter(test, suffixTest); ok {
			r := table[service]
			r.Suffix = true
			table[service] = r
		}
	}
	if len(table) == 0 {
		return nil, errors.New("no test_service_role_lifecycle in the file")
	}
	for service, r := range documented {
		if _, recorded := table[service]; !recorded {
			table[service] = r
		}
	}
	var out bytes.Buffer
	for i, service := range slices.Sorted(maps.Keys(table)) {
		line, err := json.Marshal(table[service])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s\n  %q: %s", map[bool]string{true: "{", false: ","}[i == 0], service, line)
	}
	out.WriteString("\n}\n")
	return out.Bytes(), nil
}

// parameter is what stands in brackets after the test's name.
func parameter(test, name string) (string, bool) {
	_, rest, ok := strings.Cut(test, name)
	return strings.TrimSuffix(rest, "]"), ok
}
