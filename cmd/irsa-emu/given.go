package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// givenFlags say what state a command starts from.
type givenFlags struct {
	paths      []string
	parameters []string
	region     string // of commands that start no emulator
}

const givenHelp = "a file or a directory: State documents, IAM policies, terraform show -json, CloudFormation templates, or what the AWS CLI's get-account-authorization-details prints (repeatable)"

func (g *givenFlags) add(cmd *cobra.Command, what string) {
	cmd.Flags().StringArrayVar(&g.paths, "given", nil, what+": "+givenHelp)
	g.addParameters(cmd)
}

func (g *givenFlags) addParameters(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&g.parameters, "parameter", nil, "NAME=VALUE of a CloudFormation template's parameter, or of a resource's attribute as RESOURCE.ATTRIBUTE=VALUE (repeatable)")
}

// addRegion is for commands that read sources and start no emulator.
func (g *givenFlags) addRegion(cmd *cobra.Command) {
	cmd.Flags().StringVar(&g.region, "region", "", "the region of what names none, and with it the partition: AWS::Region and AWS::Partition of templates (default "+aws.DefaultRegion+")")
}

func regionWithoutGiven() error {
	return usageError("--region: a trust policy alone is of no region; it goes with sources that name none")
}

// options are those for reading sources. Account and region may be empty.
func (g *givenFlags) options(account, region string) (sources.Options, error) {
	if err := errors.Join(checkAccount(account), checkRegion(g.region)); err != nil {
		return sources.Options{}, err
	}
	o := sources.Options{Account: account, Region: cmp.Or(region, g.region), KnowsManaged: knownManaged(), Parameters: map[string]string{}}
	for _, p := range g.parameters {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return o, usageError("--parameter %s: write NAME=VALUE", p)
		}
		o.Parameters[name] = value
	}
	return o, nil
}

// knownManaged tells the AWS managed policies that the emulator has.
func knownManaged() func(arn string) bool {
	known := sync.OnceValue(func() map[string]bool {
		arns := map[string]bool{}
		for p := range iam.ManagedPolicies(aws.DefaultPartition) {
			arns[p.ARN()] = true
		}
		return arns
	})
	return func(arn string) bool {
		a, err := aws.ParseARN(arn)
		if _, is := aws.PartitionByID(a.Partition); err != nil || !is {
			return false
		}
		a.Partition = aws.DefaultPartition // every partition has them by the same names
		return known()[a.String()]
	}
}

// load reads the given state, and says on stderr what was left out of it.
func (g *givenFlags) load(p *program, account, region string) (statefile.State, error) {
	o, err := g.options(account, region)
	if err != nil {
		return statefile.State{}, err
	}
	state, notes, err := o.Load(g.paths...)
	if err != nil {
		return statefile.State{}, unreadable(err)
	}
	return state, p.notes(notes)
}

func (p *program) notes(notes []sources.Note) error {
	for _, n := range notes {
		if err := p.complain("note: %s", n.String()); err != nil {
			return err
		}
	}
	return nil
}

// unreadable is an input that was read and found wrong, a line a mistake.
func unreadable(err error) error {
	var mistakes strictyaml.Errors
	if errors.As(err, &mistakes) && len(mistakes) > 1 {
		heading := fmt.Sprintf("%d mistakes:", len(mistakes)) // an error of its own: a line break in one is escaped
		return &exitError{exitUsage, errors.Join(errors.New(heading), err)}
	}
	return &exitError{exitUsage, err}
}

// regionOf is where the pods of a state's cluster are: the one of that issuer, or
// without an issuer the only one. "" where none is meant.
func regionOf(s statefile.State, issuer string) string {
	for _, name := range slices.Sorted(maps.Keys(s.Clusters)) {
		c := s.Clusters[name]
		if c.Issuer == issuer || issuer == "" && len(s.Clusters) == 1 {
			ofIssuer, _, _ := aws.EKSIssuerParts(c.Issuer)
			return cmp.Or(c.Region, ofIssuer)
		}
	}
	return ""
}
