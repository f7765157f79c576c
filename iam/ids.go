package iam

import (
	"fmt"
	"io"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Prefixes of unique ids (IAM user guide, "Understanding unique ID prefixes").
const (
	roleID      = aws.RoleIDPrefix
	userID      = aws.UserIDPrefix
	groupID     = "AGPA"
	policyID    = "ANPA"
	profileID   = "AIPA"
	accessKeyID = aws.AccessKeyPrefix
)

const (
	uniqueIDLength  = 21
	accessKeyLength = 20
	secretKeyLength = 40
)

// idLetters has 32 letters and secretLetters 64, so that every letter of a
// random byte is equally likely.
const (
	idLetters     = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	secretLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)

func (m *maker) id(prefix string) (string, error) {
	length := uniqueIDLength
	if prefix == accessKeyID {
		length = accessKeyLength
	}
	letters, err := m.letters(idLetters, length-len(prefix))
	return prefix + letters, err
}

func (m *maker) secret() (string, error) { return m.letters(secretLetters, secretKeyLength) }

func (m *maker) letters(alphabet string, n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(m.rand, b); err != nil {
		return "", fmt.Errorf("making a random id: %w", err)
	}
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b), nil
}
