package doctor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/spelling"
)

// theRole looks for the role that the annotation names.
func (x *examination) theRole(ctx context.Context) Link {
	switch {
	case x.role.arn == "":
		return unknown("not known without a role's ARN")
	case x.AWS:
		return x.byAWS(ctx, linkRole, x.role.arn, x.showRole())
	case x.iam == nil:
		return unknown(x.role.arn, x.showRole())
	}
	var all []string
	for _, id := range slices.Sorted(maps.Keys(x.iam)) {
		for _, r := range x.view.Roles(id) {
			all = append(all, r.ARN())
		}
	}
	if role, _ := x.view.Role(x.role.arn); role != nil {
		return ok(x.role.arn)
	}
	link := broken(fmt.Sprintf("there is no role %s", x.role.arn))
	near, distance := spelling.Nearest(x.role.arn, all)
	if distance < 0 || distance > len(x.role.name)/2 && !strings.HasSuffix(near, "/"+x.role.name) {
		if len(all) == 0 {
			link.More = append(link.More, "the emulator has no roles at all")
		}
		link.Fix = append(x.pointAWS(), "aws iam create-role --role-name "+x.role.name+" --assume-role-policy-document file://trust-policy.json")
		return link
	}
	link.More = append(link.More, "the nearest is "+near+x.difference(near))
	link.Fix = []string{x.annotate(near)}
	if a := x.association; x.podIdentity && a != nil {
		link.Fix = append(x.pointAWS(), x.awsEKS(fmt.Sprintf("update-pod-identity-association --association-id %s --role-arn %s", a.ID, near)))
		return link
	}
	if x.pod != nil {
		link.Fix = append(link.Fix, x.recreate("")...)
	}
	return link
}

// difference says in which part two ARNs of roles differ, if it is only one.
func (x *examination) difference(near string) string {
	other, _ := parseRole(near)
	switch {
	case strings.EqualFold(near, x.role.arn):
		return ": letter case counts"
	case other.partition != x.role.partition:
		return ": the account is in the partition " + other.partition
	case other.account == x.role.account && other.name == x.role.name:
		return ": the path counts"
	case other.account != x.role.account && other.name == x.role.name:
		return ": another account"
	}
	return ""
}

func (x *examination) showRole() string {
	return fmt.Sprintf("aws iam get-role --role-name %s   # in account %s", x.role.name, x.role.account)
}

// pointAWS are the commands after which aws speaks to the emulator.
func (x *examination) pointAWS() []string {
	account := x.role.account
	if account == "" {
		account = x.accountOfCluster()
	}
	switch {
	case x.forwarded():
		return []string{
			x.kubectlIn(x.service.Namespace, "port-forward service/%s %d &", x.service.Name, control.DefaultPort),
			fmt.Sprintf(`eval "$(irsa-emu env --account %s --region %s)"`, account, word(x.region())),
		}
	case x.Emulator == nil:
		return nil // it is AWS's own
	}
	return []string{fmt.Sprintf(`eval "$(irsa-emu env --url %s --account %s --region %s)"`, x.Emulator.URL, account, word(x.region()))}
}

// oidcProvider looks for the cluster's issuer among the providers of the role's account.
func (x *examination) oidcProvider(ctx context.Context) Link {
	if x.podIdentity {
		return Link{} // EKS knows the cluster's keys by itself
	}
	issuer, err := x.issuerOf(ctx)
	switch {
	case err != nil:
		return unknown("the cluster's issuer is not known: " + err.Error())
	case x.role.arn == "":
		return unknown("not known without the role's account; the issuer is " + issuer)
	}
	arn := aws.ProviderARN(x.role.partition, x.role.account, aws.ProviderURL(issuer))
	show := "aws iam get-open-id-connect-provider --open-id-connect-provider-arn " + word(arn)
	switch {
	case x.AWS:
		return x.byAWS(ctx, linkProvider, arn, show)
	case x.iam == nil:
		return unknown(arn, show)
	}
	create := fmt.Sprintf("aws iam create-open-id-connect-provider --url %s --client-id-list %s", word(issuer), word(x.audience))
	if p, found := x.view.Provider(x.role.account, issuer); found {
		return x.clientIDs(p, arn)
	}
	registered := x.view.Issuers(x.role.account)
	refused := oidc.NoProvider(issuer, registered)
	link := broken(fmt.Sprintf("account %s has no provider for %s", x.role.account, issuer), append(x.pointAWS(), create)...)
	if len(registered) > 0 {
		link.More = []string{"it has " + strings.Join(registered, ", ")}
	} else if others := x.providersElsewhere(issuer); others != "" {
		link.More = []string{"the issuer is registered in account " + others + ": is the role's account the right one?"}
	}
	if refused.Hint.Code != oidc.HintCreateProvider { // the commands below do that
		link.More = append(link.More, refused.Hint.String())
	}
	return link
}

func (x *examination) providersElsewhere(issuer string) string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(x.iam)) {
		if _, found := x.view.Provider(id, issuer); found {
			ids = append(ids, id)
		}
	}
	return strings.Join(ids, ", ")
}

func (x *examination) clientIDs(p oidc.Provider, arn string) Link {
	ids := p.ClientIDs
	if slices.Contains(ids, x.audience) {
		return ok(fmt.Sprintf("%s, client id %s", arn, x.audience))
	}
	link := broken(fmt.Sprintf("the provider has no client id %s, which is the token's audience", x.audience)).
		because("it has " + cmp.Or(strings.Join(ids, ", "), "none"))
	if x.claims != nil {
		if err := x.claims.CheckAudience(p); err != nil {
			link.More = append(link.More, hintOf(err))
		}
	}
	if x.account != nil && x.account.Annotations[aws.AudienceAnnotation] != "" {
		link.Fix = append(link.Fix, x.kubectl("annotate serviceaccount %s %s-   # for %s again, and recreate its pods", x.ServiceAccount, aws.AudienceAnnotation, aws.DefaultAudience), note("or:"))
	}
	link.Fix = append(link.Fix, x.pointAWS()...)
	link.Fix = append(link.Fix, fmt.Sprintf("aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn %s --client-id %s", word(arn), word(x.audience)))
	return link
}
