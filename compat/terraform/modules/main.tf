# Roles by the modules that people use, for a cluster that is there. Versions are pinned: their shapes are what is tried.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  region = "us-west-2"
}

data "aws_eks_cluster" "this" {
  name = "your-cluster-name"
}

resource "aws_iam_openid_connect_provider" "this" {
  url            = data.aws_eks_cluster.this.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
}

module "irsa_v5" {
  source    = "terraform-aws-modules/iam/aws//modules/iam-role-for-service-accounts-eks"
  version   = "5.60.0"
  role_name = "irsa-v5"
  oidc_providers = {
    this = {
      provider_arn               = aws_iam_openid_connect_provider.this.arn
      namespace_service_accounts = ["payments:api"]
    }
  }
}

module "oidc_v5" {
  source                         = "terraform-aws-modules/iam/aws//modules/iam-assumable-role-with-oidc"
  version                        = "5.60.0"
  create_role                    = true
  role_name                      = "oidc-v5"
  provider_url                   = data.aws_eks_cluster.this.identity[0].oidc[0].issuer
  oidc_fully_qualified_subjects  = ["system:serviceaccount:payments:api"]
  oidc_fully_qualified_audiences = ["sts.amazonaws.com"]
}

module "github_v5" {
  source   = "terraform-aws-modules/iam/aws//modules/iam-github-oidc-role"
  version  = "5.60.0"
  name     = "github-v5"
  subjects = ["octo-org/octo-repo:ref:refs/heads/main"]
}

module "irsa_v6" {
  source          = "terraform-aws-modules/iam/aws//modules/iam-role-for-service-accounts"
  version         = "6.5.0"
  name            = "irsa-v6"
  use_name_prefix = false
  oidc_providers = {
    this = {
      provider_arn               = aws_iam_openid_connect_provider.this.arn
      namespace_service_accounts = ["payments:api"]
    }
  }
}

module "cloudposse" {
  source                      = "cloudposse/eks-iam-role/aws"
  version                     = "2.2.1"
  namespace                   = "eg"
  name                        = "cloudposse"
  service_account_name        = "api"
  service_account_namespace   = "payments"
  eks_cluster_oidc_issuer_url = data.aws_eks_cluster.this.identity[0].oidc[0].issuer
  aws_iam_policy_document     = []
}

module "blueprints_addon" {
  source               = "aws-ia/eks-blueprints-addon/aws"
  version              = "1.1.1"
  create_release       = false
  create_role          = true
  role_name            = "blueprints-addon"
  role_name_use_prefix = false
  create_policy        = false
  oidc_providers = {
    this = {
      provider_arn    = aws_iam_openid_connect_provider.this.arn
      namespace       = "payments"
      service_account = "api"
    }
  }
}

module "pods" {
  source          = "terraform-aws-modules/eks-pod-identity/aws"
  version         = "2.8.1"
  name            = "pods"
  use_name_prefix = false
  associations = {
    this = {
      cluster_name    = data.aws_eks_cluster.this.name
      namespace       = "jobs"
      service_account = "batch"
    }
  }
}
