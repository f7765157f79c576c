package sts

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Access key ids hold the account that they belong to, as those that AWS has
// issued since 2019 do: of the ten bytes that base32 decodes the sixteen
// characters after the prefix to, the first six are a number whose top bit is
// set and whose bits 7 to 46 are the account. GetAccessKeyInfo reads it back.
// Source: aws.amazon.com's customers decode them publicly, for example
// awsteele.com, "A short note on AWS KEY ID".

const (
	temporaryPrefix = aws.SessionAccessKeyPrefix
	longTermPrefix  = aws.AccessKeyPrefix
	accessKeyIDSize = 20
	accountShift    = 7
	accountFlag     = 1 << 47
	accountMask     = (1<<40 - 1) << accountShift
)

// newAccessKeyID makes a temporary access key id of an account; random has five
// random bytes, of which 39 bits are used.
func newAccessKeyID(account string, random [5]byte) (string, error) {
	n, err := strconv.ParseUint(account, 10, 40)
	if err != nil {
		return "", fmt.Errorf("account %q is not a number of twelve digits: %w", account, err)
	}
	var raw [10]byte
	head := uint64(accountFlag) | n<<accountShift | uint64(random[0])&(1<<accountShift-1)
	var wide [8]byte
	binary.BigEndian.PutUint64(wide[:], head)
	copy(raw[:6], wide[2:])
	copy(raw[6:], random[1:])
	var id [accessKeyIDSize]byte
	copy(id[:], temporaryPrefix)
	base32.StdEncoding.Encode(id[len(temporaryPrefix):], raw[:])
	return string(id[:]), nil
}

// accountOf reads the account out of an access key id, long-term or temporary.
// It says false for ids of another form.
func accountOf(id string) (string, bool) {
	if len(id) != accessKeyIDSize || (id[:4] != temporaryPrefix && id[:4] != longTermPrefix) {
		return "", false
	}
	raw, err := base32.StdEncoding.DecodeString(id[4:])
	if err != nil {
		return "", false
	}
	head := binary.BigEndian.Uint64(append([]byte{0, 0}, raw[:6]...))
	if head&accountFlag == 0 {
		return "", false
	}
	n := head & accountMask >> accountShift
	if n >= 1e12 {
		return "", false
	}
	return fmt.Sprintf("%012d", n), true
}
