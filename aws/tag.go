package aws

// Tag is one key and value; the case that was written last is kept.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}
