package given

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
)

// trustPolicies collects the trust policies of a tree of values: objects, and texts
// that hold one, as plans do.
func trustPolicies(v any, found map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["Statement"]; ok {
			if text, err := json.Marshal(v); err == nil && strings.Contains(string(text), `"Federated"`) {
				found[string(text)] = true
			}
			return
		}
		for _, value := range v {
			trustPolicies(value, found)
		}
	case []any:
		for _, value := range v {
			trustPolicies(value, found)
		}
	case string:
		var inner map[string]any
		if strings.HasPrefix(strings.TrimSpace(v), "{") && strings.Contains(v, `"Statement"`) && json.Unmarshal([]byte(v), &inner) == nil {
			trustPolicies(inner, found)
		}
	}
}

// At least 99 of a hundred trust policies of the tree's scenarios, plans, templates
// and audits are decided: it is known of each line whether it lets a token in.
func TestMostAreDecided(t *testing.T) {
	found := map[string]bool{}
	take := func(src []byte) {
		for _, part := range strings.Split("\n"+string(src), "\n---") {
			var v any
			if yaml.Unmarshal([]byte(part), &v) == nil {
				trustPolicies(v, found)
			}
		}
	}
	for _, root := range []string{"scenarios", "sources/testdata", "audit/testdata", "lint/testdata", "policy/testdata", "docs", "compat", "denial/testdata"} {
		err := filepath.WalkDir(filepath.Join("../..", root), func(name string, entry fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err != nil || entry.IsDir() {
				return err
			}
			src, err := os.ReadFile(name)
			switch filepath.Ext(name) {
			case ".txtar":
				for _, f := range txtar.Parse(src).Files {
					take(f.Data)
				}
			case ".json", ".yaml", ".yml":
				take(src)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	policies, decided := 0, 0
	for text := range found {
		doc, err := policy.Parse([]byte(text))
		if err != nil {
			continue // one that is there to be refused
		}
		m := OnePolicy("trust", doc, "arn:aws:iam::111122223333:role/r", "", Options{})
		if len(m.Providers(m.Roles[0])) == 0 {
			continue
		}
		policies++
		open := ""
		for _, p := range m.Providers(m.Roles[0]) {
			rows, err := prove.Tokens(p, m.Roles[0])
			if err != nil {
				t.Errorf("%v\n%s", err, text)
			}
			for _, r := range rows {
				if r.Witness == nil {
					open = r.Key + ": " + r.Why
				}
			}
		}
		if open == "" {
			decided++
		} else {
			t.Logf("not decided: %s\n%s", open, text)
		}
	}
	t.Logf("%d of %d trust policies are decided", decided, policies)
	if policies < 60 || decided*100 < policies*99 {
		t.Errorf("%d of %d trust policies are decided", decided, policies)
	}
}
