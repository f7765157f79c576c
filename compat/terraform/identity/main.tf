# The provider's own way to become a role with a token.
variable "role" { type = string }
variable "token_file" { type = string }

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  region = "us-west-2"
  assume_role_with_web_identity {
    role_arn                = var.role
    session_name            = "terraform"
    web_identity_token_file = var.token_file
  }
}

data "aws_caller_identity" "current" {}

output "arn" { value = data.aws_caller_identity.current.arn }
