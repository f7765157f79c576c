package aws

// What the ids of IAM begin with. Source: IAM user guide, "IAM identifiers".
const (
	RoleIDPrefix           = "AROA"
	UserIDPrefix           = "AIDA"
	AccessKeyPrefix        = "AKIA"
	SessionAccessKeyPrefix = "ASIA" // of temporary credentials
)
