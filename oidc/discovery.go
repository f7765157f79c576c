package oidc

import (
	"errors"
	"fmt"

	"github.com/irsa-emu/irsa-emu/aws"
)

// requiredDiscovery are the members without which STS gets no key (recorded 1b).
var requiredDiscovery = [...]string{
	"issuer", "jwks_uri", "response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported",
}

// readDiscovery checks a discovery document as STS does and returns jwks_uri. A
// document whose issuer is another one is refused as OpenID Connect Discovery 1.0
// §4.3 demands; what STS does then was not recorded.
func readDiscovery(src []byte, issuerURL string) (string, error) {
	document, err := splitObject(src)
	if err != nil {
		return "", &KeyError{StepJSON, issuerURL + DiscoveryPath, err}
	}
	for _, name := range requiredDiscovery {
		if value, ok := document.get(name); !ok || isNull(value) {
			return "", &KeyError{StepField, issuerURL + DiscoveryPath, fmt.Errorf("the document has no %s", name)}
		}
	}
	if issuer, _ := document.text("issuer"); issuer != issuerURL {
		return "", &KeyError{StepField, issuerURL + DiscoveryPath, fmt.Errorf("the document's issuer is %q", issuer)}
	}
	return jwksURI(document, issuerURL)
}

func jwksURI(document members, issuerURL string) (string, error) {
	uri, _ := document.text("jwks_uri")
	if err := checkFetchURL(uri); err != nil {
		return "", &KeyError{StepField, issuerURL + DiscoveryPath, fmt.Errorf("jwks_uri %q: %w", uri, err)}
	}
	return uri, nil
}

// checkFetchURL admits https with a host, and no credentials.
func checkFetchURL(text string) error {
	switch aws.IssuerURLFault(text) {
	case aws.URLUnreadable:
		return errors.New("not a URL")
	case aws.URLWithoutScheme, aws.URLNotHTTPS:
		return errors.New("not an https:// URL")
	case aws.URLWithoutHost:
		return errors.New("no host")
	case aws.URLWithUser:
		return errors.New("a URL with credentials")
	}
	return nil // a jwks_uri may have a query
}
