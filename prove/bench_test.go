package prove

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkTokens is one role of twenty patterns, as who asks about it.
func BenchmarkTokens(b *testing.B) {
	const issuer = "oidc.eks.eu-west-1.amazonaws.com/id/E"
	var subjects []string
	for i := range 20 {
		subjects = append(subjects, fmt.Sprintf(`"system:serviceaccount:ns%d:app-7*"`, i))
	}
	role := trustOnly(b, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/`+issuer+`"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+issuer+`:aud":"sts.amazonaws.com"},"StringLike":{"`+issuer+`:sub":[`+strings.Join(subjects, ",")+`]}}}]}`)
	p := testProvider("https://"+issuer, "sts.amazonaws.com")
	for b.Loop() {
		rows, err := Tokens(p, role)
		if err != nil || len(rows) != 20 {
			b.Fatal(len(rows), err)
		}
	}
}
