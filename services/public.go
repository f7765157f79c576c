package services

import "github.com/irsa-emu/irsa-emu/policy"

// AllowsEveryone says whether a statement of a resource policy allows any
// principal, without a condition that could limit it.
func AllowsEveryone(st *policy.Statement) bool {
	if st.Effect != "Allow" || len(st.Conditions) > 0 {
		return false
	}
	if st.Principals.Not {
		return true
	}
	for _, p := range st.Principals.Values {
		if p.Anyone() {
			return true
		}
	}
	return false
}
