# What the plans beside this file were made from; before.json has the state of the
# base branch, after.json that of the pull request. They are cut to what a review reads.
variable "issuer" { default = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE1" }

resource "aws_iam_role" "payments_api" {
  name = "payments-api"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/${var.issuer}" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = { "${var.issuer}:aud" = "sts.amazonaws.com" }
        StringLike   = { "${var.issuer}:sub" = "system:serviceaccount:pay*:api" } # before: StringEquals, system:serviceaccount:payments:api
      }
    }]
  })
}
