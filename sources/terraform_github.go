package sources

// gitHubSubject takes the template of an organisation's or of a repository's
// subjects (docs of Terraform's github provider, of the two resources). That of an
// organisation is taken to be in use: which repositories opt in, it does not say.
func (t *terraform) gitHubSubject(r *tfResource) {
	keys, unknown := r.known("include_claim_keys")
	switch list := texts(keys); {
	case isTrue(get(r.values, "use_default")): // a repository's default subjects, whatever keys are there
	case unknown:
		t.b.note(t.at(r), r.address+".include_claim_keys", afterApply+"; --github-subject says what it is")
	case len(list) > 0: // without keys a repository has its organisation's
		t.b.found.GitHubSubjects = append(t.b.found.GitHubSubjects, GitHubSubject{At: t.at(r), Address: r.address, Keys: list})
	}
}
