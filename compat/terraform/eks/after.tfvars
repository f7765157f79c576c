groups        = ["viewers", "editors"]
configuration = "{}"
team          = "billing"
