client_ids       = ["sts.amazonaws.com"]
thumbprints      = ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"]
namespace        = "your-namespace"
description      = "The pod's role"
session_duration = 3600
boundary         = false
actions          = ["secretsmanager:GetSecretValue"]
tags             = { team = "payments", stage = "test" }
secret           = "{\"username\":\"admin\",\"password\":\"s3cr3t\"}"
content          = "hello"
