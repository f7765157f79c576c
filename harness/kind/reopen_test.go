package kind

import (
	"strings"
	"testing"
)

// A second up that asks for what a cluster cannot become is refused; one that asks
// for the same, or for nothing, is not.
func TestUnlike(t *testing.T) {
	mark := &upMark{Issuer: "https://issuer.example", Port: 4773, Image: "kindest/node:v1.34.0", Config: "abc"}
	for want, asked := range map[string]struct {
		up            UpConfig
		image, config string
	}{
		"signs for https://issuer.example":            {up: UpConfig{Issuer: "https://other.example"}},
		"was made of node image kindest/node:v1.34.0": {image: "kindest/node:v1.37.0"},
		"was made with another --config":              {config: "def"},
		"leads here by port 4773":                     {up: UpConfig{Port: 5000}},
		"":                                            {up: UpConfig{Issuer: "https://issuer.example", Port: 4773, Region: "eu-west-3"}, image: "kindest/node:v1.34.0", config: "abc"},
	} {
		err := mark.unlike("x", asked.up, asked.image, asked.config)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), "cluster x "+want)) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if err := mark.unlike("x", UpConfig{Port: DefaultPort}, "", ""); err != nil {
		t.Errorf("nothing is asked for: %v", err)
	}
	if err := (&upMark{Image: "kindest/node:v1.37.0@sha256:abc"}).unlike("x", UpConfig{}, "kindest/node:v1.37.0", ""); err != nil {
		t.Errorf("the digest is left out: %v", err)
	}
	if err := (&upMark{}).unlike("x", UpConfig{}, "kindest/node:v1.37.0", ""); err != nil {
		t.Errorf("the image of a cluster of before is not known: %v", err)
	}
}
