package iam

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base32"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// awsAccount is the account in the ARNs of AWS managed policies.
const (
	awsAccount = "aws"
)

//go:generate sh -c "go run ./maketables -managed \"$MANAGED_POLICIES\""

// The AWS managed policies: a packed index with one line per policy, and their
// texts in gzip members of several policies each. maketables makes both and says what
// the columns are. Only the default version is known; its number is AWS's.
var (
	//go:embed managed_index.gz
	managedIndex []byte
	//go:embed managed_policies.gz
	managedTexts []byte
)

// managedEntry is one line of the index. Most policies are never asked for, so
// the line is all that is kept until then.
type managedEntry struct {
	line string
	full func() *Policy // with its document, read once
}

var managedOnce = sync.OnceValue(func() []*managedEntry {
	var table []*managedEntry
	for line := range strings.Lines(managedLines()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		e := &managedEntry{line: strings.TrimSuffix(line, "\n")}
		e.full = sync.OnceValue(func() *Policy { return e.read(true) })
		table = append(table, e)
	}
	return table
})

func managedLines() string {
	z, err := gzip.NewReader(bytes.NewReader(managedIndex))
	if err == nil {
		var lines []byte
		if lines, err = io.ReadAll(z); err == nil {
			return string(lines)
		}
	}
	panic(fmt.Sprintf("iam: managed_index.gz: %v", err)) // a mistake of the data file
}

// name is the policy's name, without its path.
func (e *managedEntry) name() string {
	resource, _, _ := strings.Cut(e.line, " ")
	return aws.NameIn(resource)
}

// read parses the line, and the document if wanted. What does not parse is a
// mistake of the data files, which a test finds.
func (e *managedEntry) read(document bool) *Policy {
	fail := func(err error) {
		if err != nil {
			panic(fmt.Sprintf("iam: managed_policies: %v in %q", err, e.line))
		}
	}
	var resource, version, created, updated string
	var offset, line int
	_, err := fmt.Sscan(e.line, &resource, &version, &created, &updated, &offset, &line)
	fail(err)
	name := e.name()
	p := &Policy{Account: awsAccount, Path: "/" + strings.TrimSuffix(resource, name), Name: name, ID: managedID(resource)}
	p.Default, err = strconv.Atoi(strings.TrimPrefix(version, "v"))
	fail(err)
	p.Last = p.Default
	p.Created, err = time.Parse(time.RFC3339, created)
	fail(err)
	p.Updated, err = time.Parse(time.RFC3339, updated)
	fail(err)
	if document {
		text, err := managedText(offset, line)
		fail(err)
		parsed, err := parseDocument(text)
		fail(err)
		p.Versions = []PolicyVersion{{Number: p.Default, Document: parsed, Created: p.Updated}}
	}
	return p
}

// managedText reads one document out of the gzip member at the offset.
func managedText(offset, line int) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(managedTexts[offset:]))
	if err != nil {
		return "", err
	}
	z.Multistream(false)
	lines := bufio.NewReader(z)
	for ; line > 0; line-- {
		if err := skipLine(lines); err != nil {
			return "", err
		}
	}
	text, err := lines.ReadString('\n')
	return strings.TrimSuffix(text, "\n"), err
}

func skipLine(r *bufio.Reader) error {
	for {
		if _, err := r.ReadSlice('\n'); err != bufio.ErrBufferFull {
			return err
		}
	}
}

// managedID is the policy's unique id. No source with a fitting licence has
// AWS's, so it is made from the name, the same in every emulator.
func managedID(resource string) string {
	sum := sha256.Sum256([]byte(resource))
	return policyID + base32.StdEncoding.EncodeToString(sum[:])[:uniqueIDLength-len(policyID)]
}

// managedARN is the ARN of an AWS managed policy in a partition: every partition
// has them by the same names.
func managedARN(partition, name string) string { return aws.PolicyARN(partition, awsAccount, "", name) }

// managedPolicy finds an AWS managed policy by its exact ARN.
func managedPolicy(arn string) (*Policy, bool) {
	a, err := aws.ParseARN(arn)
	if _, known := aws.PartitionByID(a.Partition); err != nil || !known {
		return nil, false
	}
	table := managedOnce()
	name := strings.ToLower(aws.NameIn(arn))
	i, ok := slices.BinarySearchFunc(table, name, func(e *managedEntry, name string) int {
		return strings.Compare(strings.ToLower(e.name()), name)
	})
	if !ok {
		return nil, false
	}
	p := table[i].full()
	if a.Partition != aws.DefaultPartition {
		p = inPartition(p, a.Partition)
	}
	return p, p.ARN() == arn
}

// elsewhere keeps the policies that were asked for in other partitions, by ARN.
var elsewhere sync.Map

// inPartition is an AWS managed policy as another partition has it: the ARNs in
// its document are that partition's.
func inPartition(p *Policy, partition string) *Policy {
	there := *p
	there.Partition = partition
	if known, ok := elsewhere.Load(there.ARN()); ok {
		return known.(*Policy)
	}
	version := *p.DefaultVersion()
	text := strings.ReplaceAll(version.Document.Text, `"arn:`+aws.DefaultPartition+":", `"arn:`+partition+":")
	parsed, err := parseDocument(text)
	if err != nil {
		panic(fmt.Sprintf("iam: %s: %v", there.ARN(), err)) // it parsed with the other ARNs
	}
	version.Document = parsed
	there.Versions = []PolicyVersion{version}
	elsewhere.Store(there.ARN(), &there)
	return &there
}

// ManagedPolicies gives the AWS managed policies that are known, as a partition
// has them, in ascending order of state key and without their versions:
// [PolicyByARN] has those.
func ManagedPolicies(partition string) iter.Seq[*Policy] {
	return func(yield func(*Policy) bool) {
		for _, e := range managedOnce() {
			p := e.read(false)
			if partition != aws.DefaultPartition {
				p.Partition = partition
			}
			if !yield(p) {
				return
			}
		}
	}
}

// ManagedDocument is the document of an AWS managed policy.
func ManagedDocument(arn string) (*policy.Document, bool) {
	p, ok := managedPolicy(arn)
	if !ok {
		return nil, false
	}
	return p.DefaultVersion().Document.Parsed(), true
}
