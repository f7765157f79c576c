# A key of KMS with its policy and alias, and what is under it.
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
provider "aws" { region = "us-west-2" }
variable "rotation" { type = bool }
resource "aws_kms_key" "app" {
  description             = "secrets and objects of the app"
  deletion_window_in_days = 7
  enable_key_rotation     = var.rotation
  tags                    = { team = "payments" }
}
resource "aws_kms_alias" "app" {
  name          = "alias/app"
  target_key_id = aws_kms_key.app.key_id
}
resource "aws_iam_role" "reader" {
  name               = "key-reader"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }] })
}
data "aws_iam_policy_document" "key" {
  statement {
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:root"]
    }
  }
  statement {
    actions   = ["kms:Decrypt"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.reader.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.us-west-2.amazonaws.com"]
    }
  }
}
resource "aws_kms_key_policy" "app" {
  key_id = aws_kms_key.app.id
  policy = data.aws_iam_policy_document.key.json
}
resource "aws_secretsmanager_secret" "db" {
  name                    = "under-a-key"
  kms_key_id              = aws_kms_key.app.arn
  recovery_window_in_days = 0
}
resource "aws_secretsmanager_secret_version" "db" {
  secret_id     = aws_secretsmanager_secret.db.id
  secret_string = "hi"
}
resource "aws_s3_bucket" "reports" {
  bucket = "reports-under-a-key"
}
resource "aws_s3_bucket_server_side_encryption_configuration" "reports" {
  bucket = aws_s3_bucket.reports.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_alias.app.arn
    }
  }
}
resource "aws_s3_object" "a" {
  bucket  = aws_s3_bucket_server_side_encryption_configuration.reports.bucket
  key     = "a.txt"
  content = "hello"
}
output "key" { value = aws_kms_key.app.arn }
