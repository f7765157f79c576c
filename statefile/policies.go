package statefile

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// trustPolicy takes what IAM takes from an account whose quota for trust policies is
// raised: the document may be of one.
func (v *validator) trustPolicy(at string, d *Document) {
	valid := ReportPolicy(v.d, at, *d, func(src []byte) (*policy.Document, error) {
		return policy.ValidateTrust(src, policy.TrustOptions{MaxSize: policy.MaxRaisedTrustSize, Partition: v.partition})
	})
	if valid {
		d.valid = asTrust
	}
}

func (v *validator) identityPolicy(at string, d Document) {
	ReportPolicy(v.d, at, d, func(src []byte) (*policy.Document, error) { return policy.ValidateIdentity(src, v.partition) })
}

func (v *validator) inlinePolicy(at string, d *Document) {
	if ReportPolicy(v.d, at, *d, func(src []byte) (*policy.Document, error) { return policy.ValidateInline(src, v.partition) }) {
		d.valid = asInline
	}
}

func (v *validator) sessionPolicy(at string, d Document) {
	ReportPolicy(v.d, at, d, policy.ValidateSession)
}

func (v *validator) resourcePolicy(at string, d Document) {
	ReportPolicy(v.d, at, d, func(src []byte) (*policy.Document, error) { return policy.ValidateResource(src, v.partition) })
}

// ReportPolicy records what the validation has against a policy of that path,
// in AWS's words, at the place in the document where it was written, and tells
// whether there is a policy and nothing against it.
func ReportPolicy(d *strictyaml.Decoder, path string, p Document, validate func([]byte) (*policy.Document, error)) bool {
	if p.IsZero() {
		return false
	}
	text := []byte(p.Text())
	_, err := validate(text)
	if err == nil {
		return true
	}
	var (
		refused *policy.ValidationError
		syntax  *policy.SyntaxError
	)
	switch {
	case errors.As(err, &refused):
		message := hint.Sentence(refused.Code+": "+refused.Message, refused.Hint.String())
		d.CausedBy(err, path, d.Within(path, text, refused.Line, refused.Column), message)
	case errors.As(err, &syntax):
		d.CausedBy(err, path, d.Within(path, text, syntax.Line, syntax.Column), syntax.Message)
	default:
		d.PathErrorf(path, "%v", err)
	}
	return false
}

// checkSigningKey accepts the keys that issuers sign with here.
func checkSigningKey(text string) error {
	block, rest := pem.Decode([]byte(text))
	if block == nil {
		return errors.New("not PEM; write a key that begins with -----BEGIN PRIVATE KEY-----")
	}
	if block.Type != "PRIVATE KEY" {
		return fmt.Errorf("PEM of type %q; convert it with openssl pkcs8 -topk8 -nocrypt", block.Type)
	}
	if next, _ := pem.Decode(rest); next != nil {
		return errors.New("more than one key in this text; write each as an item of its own")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return fmt.Errorf("not a PKCS #8 key: %w", err)
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < 2048 {
			return fmt.Errorf("an RSA key of %d bits; write one of 2048 or more", k.N.BitLen())
		}
	case *ecdsa.PrivateKey:
		if size := k.Params().BitSize; size != 256 && size != 384 { // P-384 signs for accounts (outbound federation)
			return fmt.Errorf("a key on curve %s; write one on P-256", k.Params().Name)
		}
	default:
		return fmt.Errorf("a key of type %T; write an RSA or a P-256 key", key)
	}
	return nil
}
