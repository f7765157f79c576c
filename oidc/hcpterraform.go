package oidc

// hcpTerraformClaims makes the claims of an HCP Terraform workload identity
// token. What to override: terraform_organization_name, terraform_project_name,
// terraform_workspace_name, terraform_run_phase ("plan" or "apply"); sub and
// terraform_full_workspace follow.
func hcpTerraformClaims(in ProfileInput) (map[string]any, error) {
	d, err := in.start("hcp-terraform")
	if err != nil {
		return nil, err
	}
	d.set("terraform_organization_id", "org-GRNbCjYNpBB6NEBH")
	d.set("terraform_organization_name", "my-org")
	d.set("terraform_project_id", "prj-vegSA59s1XPwMr2t")
	d.set("terraform_project_name", "Default Project")
	d.set("terraform_workspace_id", "ws-mbsd5E3Ktt5Rg2Xm")
	d.set("terraform_workspace_name", "my-workspace")
	d.set("terraform_run_id", "run-X3n1AUXNGWbfECsJ")
	d.set("terraform_run_phase", "plan")
	workspace := "organization:" + d.text("terraform_organization_name") +
		":project:" + d.text("terraform_project_name") +
		":workspace:" + d.text("terraform_workspace_name")
	d.set("terraform_full_workspace", workspace)
	d.set("sub", workspace+":run_phase:"+d.text("terraform_run_phase"))
	return d.done(), nil
}
