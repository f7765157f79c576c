# What the EKS modules make beside IRSA: Pod Identity associations, add-ons, access entries.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

provider "aws" {
  region = "us-west-2"
}

variable "service_account" {
  default = "batch"
}

variable "groups" {
  type    = list(string)
  default = ["viewers"]
}

variable "configuration" {
  default = "{\"agent\":{\"additionalArgs\":{\"-b\":\"169.254.170.23\"}}}"
}

variable "team" {
  default = "payments"
}

data "aws_eks_cluster" "this" {
  name = "your-cluster-name"
}

data "aws_eks_addon_version" "agent" {
  addon_name         = "eks-pod-identity-agent"
  kubernetes_version = data.aws_eks_cluster.this.version
  most_recent        = true
}

data "aws_iam_policy_document" "pods" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "batch" {
  name               = "batch"
  assume_role_policy = data.aws_iam_policy_document.pods.json
}

resource "aws_iam_role" "network" {
  name               = "network"
  assume_role_policy = data.aws_iam_policy_document.pods.json
}

resource "aws_eks_pod_identity_association" "batch" {
  cluster_name    = data.aws_eks_cluster.this.name
  namespace       = "jobs"
  service_account = var.service_account
  role_arn        = aws_iam_role.batch.arn
  tags            = { team = var.team }
}

resource "aws_eks_addon" "agent" {
  cluster_name         = data.aws_eks_cluster.this.name
  addon_name           = "eks-pod-identity-agent"
  addon_version        = data.aws_eks_addon_version.agent.version
  configuration_values = var.configuration
  tags                 = { team = var.team }
}

resource "aws_eks_addon" "network" {
  cluster_name                = data.aws_eks_cluster.this.name
  addon_name                  = "vpc-cni"
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"
  pod_identity_association {
    role_arn        = aws_iam_role.network.arn
    service_account = "aws-node"
  }
}

resource "aws_eks_access_entry" "batch" {
  cluster_name      = data.aws_eks_cluster.this.name
  principal_arn     = aws_iam_role.batch.arn
  kubernetes_groups = var.groups
  tags              = { team = var.team }
}

resource "aws_eks_access_policy_association" "batch" {
  cluster_name  = data.aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.batch.principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
  access_scope {
    type       = "namespace"
    namespaces = ["jobs"]
  }
}

output "association" {
  value = aws_eks_pod_identity_association.batch.association_id
}
