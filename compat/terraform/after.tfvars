client_ids       = ["sts.amazonaws.com", "another-client"]
thumbprints      = ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280", "990f4193972f2becf12ddeda5237f9c952f20d9e"]
namespace        = "other-namespace"
description      = "The pod's role, as it is now"
session_duration = 7200
boundary         = true
actions          = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
tags             = { team = "billing", owner = "someone" }
secret           = "{\"username\":\"admin\",\"password\":\"changed\"}"
content          = "hello again"
