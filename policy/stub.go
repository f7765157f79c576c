package policy

type LintOptions struct {
	Account   string
	Providers []string
}
type Severity string
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Message  string   `json:"message"`
	Why      string   `json:"why"`
	Fix      string   `json:"fix"`
	Mended   string   `json:"mended,omitempty"`
}

func Lint(src []byte, o LintOptions) []Finding { return nil }
