# The second article's infrastructure, and every attribute of it that the provider can update in place.
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

variable "client_ids" { type = list(string) }
variable "thumbprints" { type = list(string) }
variable "namespace" { type = string }
variable "description" { type = string }
variable "session_duration" { type = number }
variable "boundary" { type = bool }
variable "actions" { type = list(string) }
variable "tags" { type = map(string) }
variable "secret" { type = string }
variable "content" { type = string }

data "aws_caller_identity" "current" {}

data "aws_eks_cluster" "this" {
  name = "your-cluster-name"
}

locals {
  issuer = data.aws_eks_cluster.this.identity[0].oidc[0].issuer
}

resource "aws_iam_openid_connect_provider" "this" {
  url             = local.issuer
  client_id_list  = var.client_ids
  thumbprint_list = var.thumbprints
  tags            = var.tags
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.this.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${replace(aws_iam_openid_connect_provider.this.url, "https://", "")}:sub"
      values   = ["system:serviceaccount:${var.namespace}:your-service-account"]
    }
    condition {
      test     = "StringEquals"
      variable = "${replace(aws_iam_openid_connect_provider.this.url, "https://", "")}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = "EKSServiceAccountRole"
  description          = var.description
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = var.session_duration
  permissions_boundary = var.boundary ? aws_iam_policy.boundary.arn : null
  tags                 = var.tags
}

data "aws_iam_policy_document" "secrets" {
  statement {
    actions   = var.actions
    resources = [aws_secretsmanager_secret.this.arn]
  }
}

data "aws_iam_policy_document" "boundary" {
  statement {
    actions   = ["secretsmanager:*", "s3:*"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "secrets" {
  name        = "SecretsManagerAccess"
  description = "Reads the tutorial's secret"
  policy      = data.aws_iam_policy_document.secrets.json
  tags        = var.tags
}

resource "aws_iam_policy" "boundary" {
  name   = "Boundary"
  path   = "/boundaries/"
  policy = data.aws_iam_policy_document.boundary.json
}

resource "aws_iam_role_policy_attachment" "secrets" {
  role       = aws_iam_role.this.name
  policy_arn = aws_iam_policy.secrets.arn
}

resource "aws_iam_role_policy_attachment" "managed" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
}

data "aws_iam_policy_document" "objects" {
  statement {
    actions   = var.boundary ? ["s3:GetObject", "s3:PutObject"] : ["s3:GetObject"]
    resources = ["${aws_s3_bucket.this.arn}/*"]
  }
}

resource "aws_iam_role_policy" "objects" {
  name   = "objects"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.objects.json
}

resource "aws_iam_instance_profile" "this" {
  name = "nodes"
  role = aws_iam_role.this.name
}

resource "aws_secretsmanager_secret" "this" {
  name                    = "from/terraform"
  description             = var.description
  recovery_window_in_days = 0
  tags                    = var.tags
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id     = aws_secretsmanager_secret.this.id
  secret_string = var.secret
}

resource "aws_s3_bucket" "this" {
  bucket = "reports-of-terraform"
  tags   = var.tags
}

resource "aws_s3_object" "this" {
  bucket  = aws_s3_bucket.this.id
  key     = "2026/a.txt"
  content = var.content
  tags    = var.tags
}

output "account" { value = data.aws_caller_identity.current.account_id }
output "role" { value = aws_iam_role.this.arn }
output "secret" { value = aws_secretsmanager_secret.this.arn }
