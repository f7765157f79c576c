package sources

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// A cluster's issuer is known after the apply only. One of the form that EKS gives
// stands in for it, the same wherever the plan refers to it, so that a provider and
// the roles made in the same plan can be checked: their values and operators are
// known, and who trusts whom is.

// clusterIssuer is a cluster's issuer, or what stands in for it.
func (t *terraform) clusterIssuer(r *tfResource) string {
	for _, identity := range items(get(r.values, "identity")) {
		for _, oidc := range items(get(identity, "oidc")) {
			if issuer := text(get(oidc, "issuer")); issuer != "" {
				return issuer
			}
		}
	}
	sum := sha256.Sum256([]byte(r.address))
	return aws.EKSIssuer(t.regionOf(r), strings.ToUpper(hex.EncodeToString(sum[:16])))
}

// issuerOf is the issuer that an OIDC provider is for; "" when it is not known.
func (t *terraform) issuerOf(r *tfResource) string {
	if url := r.text("url"); url != "" {
		return "https://" + strings.TrimPrefix(url, "https://") // a state has it as IAM gives it back
	}
	if cluster := t.onlyCluster(r, get(r.expressions, "url")); cluster != nil {
		return t.clusterIssuer(cluster)
	}
	return ""
}

// onlyCluster is the one cluster that an expression refers to.
func (t *terraform) onlyCluster(r *tfResource, expression *yaml.Node) *tfResource {
	found, _ := t.follow(r.module, r.index, expression)
	var only *tfResource
	for _, f := range found {
		if f.kind != "aws_eks_cluster" || only != nil && only != f {
			return nil
		}
		only = f
	}
	return only
}

// claimKey is a condition's key of which only the references are known: the issuer
// that it refers to, or else the one that its statement trusts, and the claim that
// its values are of.
func (w *tfWriter) claimKey(config *yaml.Node, values, trusted []string) string {
	found, rest := w.t.follow(w.r.module, w.r.index, get(config, "variable"))
	var issuer string
	var clients []string
	if w.untraced(found, rest) {
		if found = w.onlyProvider(); len(found) == 0 && len(trusted) == 1 {
			issuer = aws.IssuerName(trusted[0])
		}
	}
	for _, f := range found {
		of := ""
		switch f.kind {
		case "aws_eks_cluster":
			of = w.t.clusterIssuer(f)
		case "aws_iam_openid_connect_provider":
			of, clients = w.t.issuerOf(f), append(clients, texts(get(f.values, "client_id_list"))...)
		}
		if of == "" || issuer != "" && issuer != of {
			return ""
		}
		issuer = of
	}
	if issuer == "" || len(values) == 0 {
		return ""
	}
	claim := ":sub"
	for _, v := range values {
		switch {
		case strings.HasPrefix(v, aws.DefaultAudience), slices.Contains(clients, v):
			claim = ":aud"
		case !policy.LooksLikeSubject(v):
			return ""
		}
	}
	return strings.TrimPrefix(issuer, "https://") + claim
}

// untraced says that a plan does not tell what an unknown issuer is made of: of a
// dynamic block it holds no expression, and of a local only the name, as in
// cloudposse's eks-iam-role.
func (w *tfWriter) untraced(found []*tfResource, rest []string) bool {
	if w.r.expressions == nil {
		return true
	}
	return len(rest) > 0 && !slices.ContainsFunc(found, func(r *tfResource) bool {
		return r.kind == "aws_iam_openid_connect_provider" || r.kind == "aws_eks_cluster"
	}) && !slices.ContainsFunc(rest, func(ref string) bool { return !strings.HasPrefix(ref, "local.") && !strings.HasPrefix(ref, "var.") })
}

// onlyProvider is the one OIDC provider that the plan makes: nothing else of it can
// be unknown as an issuer in a trust policy. A statement about service accounts is
// of a cluster's.
func (w *tfWriter) onlyProvider() []*tfResource {
	var out []*tfResource
	for _, r := range w.t.all("aws_iam_openid_connect_provider") {
		if issuer := w.t.issuerOf(r); !w.serviceAccounts || issuer == "" || aws.IssuerOf(issuer).OfClusters() {
			out = append(out, r)
		}
	}
	if len(out) == 1 {
		return out
	}
	return nil
}

// aboutServiceAccounts says whether a statement has a subject of Kubernetes.
func aboutServiceAccounts(statement *yaml.Node) bool {
	return slices.ContainsFunc(items(get(statement, "condition")), func(c *yaml.Node) bool {
		return slices.ContainsFunc(texts(get(c, "values")), func(v string) bool { return strings.HasPrefix(v, aws.ServiceAccountPrefix) })
	})
}
