package sts

import (
	"errors"
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Administrator is an access key of an account's administrator beside those that
// every account has, such as the one that a test suite written for another
// emulator signs with.
type Administrator struct {
	// AccessKeyID is letters, digits, dots, dashes and underscores.
	AccessKeyID string
	// Secret is its secret access key.
	Secret string
	// Account is twelve digits; empty is the default account, or the one that an
	// access key id of twelve digits names.
	Account string
}

// maxAccessKeyID is the API's bound on an access key id.
const maxAccessKeyID = 128

// ParseAdministrator reads KEY:SECRET[@ACCOUNT]. An error does not show the secret.
func ParseAdministrator(text string) (Administrator, error) {
	id, secret, ok := strings.Cut(text, ":")
	if !ok {
		return Administrator{}, errors.New("no secret access key; write KEY:SECRET or KEY:SECRET@ACCOUNT, such as testing:testing")
	}
	a := Administrator{AccessKeyID: id, Secret: secret}
	if i := strings.LastIndexByte(secret, '@'); i >= 0 {
		a.Secret, a.Account = secret[:i], secret[i+1:]
		if !aws.IsAccount(a.Account) {
			return Administrator{}, fmt.Errorf("%s: what follows the last @ is not an account id; write twelve digits, also where the secret itself has an @", id)
		}
	}
	return a, a.Check()
}

// Check says what is wrong with it, and what to write instead.
func (a *Administrator) Check() error {
	wrong := strings.IndexFunc(a.AccessKeyID, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
	switch {
	case a.AccessKeyID == "":
		return errors.New("no access key id; write KEY:SECRET, such as testing:testing")
	case wrong >= 0: // a slash or a comma would end it in the Authorization header
		return fmt.Errorf("%.40q: an access key id has letters, digits, dots, dashes and underscores only", a.AccessKeyID)
	case len(a.AccessKeyID) > maxAccessKeyID:
		return fmt.Errorf("%.40s…: an access key id has %d characters at most", a.AccessKeyID, maxAccessKeyID)
	case len(a.AccessKeyID) == accessKeyIDSize && strings.HasPrefix(a.AccessKeyID, temporaryPrefix):
		return fmt.Errorf("%s: %s… are the temporary keys that the STS issues; write another", a.AccessKeyID, temporaryPrefix)
	case a.Secret == "":
		return fmt.Errorf("%s: no secret access key; write %s:SECRET", a.AccessKeyID, a.AccessKeyID)
	case a.Account != "" && !aws.IsAccount(a.Account):
		return fmt.Errorf("%s: account %q: an account id is twelve digits", a.AccessKeyID, a.Account)
	case aws.IsAccount(a.AccessKeyID) && a.Account != "" && a.Account != a.AccessKeyID:
		return fmt.Errorf("%s: is the administrator of that account, not of %s; leave @%s out, or write another access key id", a.AccessKeyID, a.Account, a.Account)
	}
	return nil
}

// administrators are those of a configuration, by their access key ids.
func administrators(c *Config) (map[string]Administrator, error) {
	all := map[string]Administrator{}
	for _, a := range c.Administrators {
		if err := a.Check(); err != nil {
			return nil, fmt.Errorf("administrator %w", err)
		}
		if _, twice := all[a.AccessKeyID]; twice {
			return nil, fmt.Errorf("administrator %s: the access key id is there twice; write it once", a.AccessKeyID)
		}
		switch {
		case a.Account != "":
		case aws.IsAccount(a.AccessKeyID):
			a.Account = a.AccessKeyID
		default:
			a.Account = c.DefaultAccount
		}
		if a.Account == "" {
			return nil, fmt.Errorf("administrator %s: no account, and there is no default one", a.AccessKeyID)
		}
		all[a.AccessKeyID] = a
	}
	return all, nil
}
