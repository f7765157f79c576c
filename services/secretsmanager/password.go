package secretsmanager

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
)

type getRandomPasswordInput struct {
	PasswordLength          *int   `wire:"min=1,max=4096"`
	ExcludeCharacters       string `wire:"max=4096"`
	ExcludeNumbers          bool
	ExcludePunctuation      bool
	ExcludeUppercase        bool
	ExcludeLowercase        bool
	IncludeSpace            bool
	RequireEachIncludedType *bool
}

type randomPassword struct {
	RandomPassword string `wire:"secret"`
}

func (s *Service) getRandomPassword(req *api.Request) (any, error) {
	var in getRandomPasswordInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	if err := authorizeAny(req); err != nil {
		return nil, err
	}
	length := 32
	if in.PasswordLength != nil {
		length = *in.PasswordLength
	}
	types := in.types()
	all := strings.Join(types, "")
	if in.IncludeSpace && !strings.Contains(in.ExcludeCharacters, " ") {
		all += " " // allowed, and no type that a password needs
	}
	if all == "" {
		return nil, invalidParameter("There are no characters left to make a password of.")
	}
	var text strings.Builder
	if in.RequireEachIncludedType == nil || *in.RequireEachIncludedType {
		if length < len(types) {
			return nil, invalidParameter("Password length is too short based on the required types.")
		}
		for _, alphabet := range types {
			one, err := s.randomString(1, alphabet)
			if err != nil {
				return nil, err
			}
			text.WriteString(one)
		}
	}
	rest, err := s.randomString(length-text.Len(), all)
	if err != nil {
		return nil, err
	}
	password := []byte(text.String() + rest)
	for i := len(password) - 1; i > 0; i-- {
		at, err := s.randomBelow(i + 1)
		if err != nil {
			return nil, err
		}
		password[i], password[at] = password[at], password[i]
	}
	return randomPassword{string(password)}, nil
}

// types are the alphabets that the password is made of, none empty.
func (in *getRandomPasswordInput) types() []string {
	var types []string
	for _, t := range []struct {
		excluded bool
		alphabet string
	}{
		{in.ExcludeLowercase, "abcdefghijklmnopqrstuvwxyz"},
		{in.ExcludeUppercase, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		{in.ExcludeNumbers, "0123456789"},
		{in.ExcludePunctuation, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
	} {
		left := strings.Map(func(r rune) rune {
			if strings.ContainsRune(in.ExcludeCharacters, r) {
				return -1
			}
			return r
		}, t.alphabet)
		if !t.excluded && left != "" {
			types = append(types, left)
		}
	}
	return types
}

// randomBelow draws a number below n, which may be more than 256.
func (s *Service) randomBelow(n int) (int, error) {
	const base = 256
	for {
		high, err := s.random(base)
		if err != nil {
			return 0, err
		}
		low, err := s.random(base)
		if err != nil {
			return 0, err
		}
		if at := high*base + low; at < base*base-base*base%n {
			return at % n, nil
		}
	}
}
