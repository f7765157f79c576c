package decision

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/term"
)

// maxLine bounds what a header or a log line says of a reason, in bytes.
const maxLine = 1024

// ReasonLine is the reason on one printable ASCII line, for a header: a
// client's own words can reach it, so everything else is escaped. It is empty
// when there is no reason.
func (d *Decision) ReasonLine() string {
	if d.Reason == nil {
		return ""
	}
	line := d.Reason.Kind + ": " + d.Reason.Message
	if advice := d.Reason.Advice(); advice != "" {
		line += " | " + advice
	}
	return term.ASCIILine(line, maxLine)
}

// short bounds a client's word in a log line.
func short(s string) string {
	if len(s) <= maxLine {
		return s
	}
	return strings.ToValidUTF8(s[:maxLine-3], "") + "..."
}

// LogAttrs are the fields of the decision's log line. Claims are left out:
// they may name people.
func (d *Decision) LogAttrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("requestId", d.RequestID), slog.String("service", short(d.Service)), slog.String("action", short(d.Action)),
		slog.String("outcome", string(d.Outcome)), slog.Duration("took", d.Duration),
	}
	if d.Caller != nil {
		attrs = append(attrs, slog.String("caller", short(d.Caller.ARN)))
	}
	if d.Resource != "" {
		attrs = append(attrs, slog.String("resource", short(d.Resource)))
	}
	if d.Token != nil {
		attrs = append(attrs, slog.String("issuer", short(d.Token.Issuer)), slog.String("subject", short(d.Token.Subject)))
	}
	if d.Error != nil {
		attrs = append(attrs, slog.Int("status", d.Error.Status), slog.String("code", d.Error.Code))
	}
	if line := d.ReasonLine(); line != "" {
		attrs = append(attrs, slog.String("reason", line))
	}
	return attrs
}

// Text is what [Decision.Explain] writes, without colours.
func (d *Decision) Text() string {
	var out strings.Builder
	d.Explain(term.NewPrinter(&out, false))
	return out.String()
}

// Explain writes the decision for people: what was asked, what was answered,
// why, and what to change.
func (d *Decision) Explain(out *term.Printer) {
	p := printer{out}
	p.Line("%s  %s:%s  %s", p.Mark(d.Outcome == Allowed), d.Service, d.Action, strings.ToUpper(string(d.Outcome)))
	p.field("request", d.RequestID)
	p.field("time", d.Time.UTC().Format(time.RFC3339))
	if d.Caller != nil {
		p.field("caller", d.Caller.ARN)
	}
	if d.Token != nil {
		p.field("token issuer", d.Token.Issuer)
		p.field("token subject", d.Token.Subject)
		p.field("token audience", strings.Join(d.Token.Audience, ", "))
		if !d.Token.Expires.IsZero() {
			p.field("token expires", d.Token.Expires.UTC().Format(time.RFC3339))
		}
	}
	p.field("resource", d.Resource)
	p.field("provider", d.Provider)
	if d.Session != nil {
		p.field("session", d.Session.ARN)
		p.field("until", d.Session.Expiration.UTC().Format(time.RFC3339))
	}
	if d.Error != nil {
		p.field("answer", fmt.Sprintf("%d %s: %s", d.Error.Status, d.Error.Code, d.Error.Message))
	}
	if d.Reason != nil {
		p.field("reason", d.Reason.Message+" ("+d.Reason.Kind+")")
		if !d.explains(d.Reason.Code) {
			p.field("hint", d.Reason.Hint)
			p.field("fix", d.Reason.Fix)
		}
	}
	beyond := "beyond that"
	if d.Reason == nil {
		beyond = "on AWS"
	}
	for _, r := range d.Beyond {
		p.field(beyond, r.Message+" ("+r.Kind+")")
		p.field("hint", r.Advice())
	}
	said := map[string]bool{}
	for _, c := range d.Checks {
		p.Line("")
		on := ""
		if c.Resource != "" {
			on = " on " + c.Resource
		}
		p.Line("%s  %s%s", p.Mark(c.Decision.Allowed), c.Action, on)
		if why := c.Decision.Because(); d.Reason == nil || why != d.Reason.Message {
			p.field("reason", why)
		}
		policy.Explain(p.Printer, c.Decision, policy.ExplainOptions{Policies: true, Said: said})
	}
	if d.ChecksOmitted > 0 {
		p.Line("")
		p.Line("and %d further checks of this call, which are not kept", d.ChecksOmitted)
	}
}

// Refusal is the decision with the checks that refused alone.
func (d *Decision) Refusal() *Decision {
	less := *d
	less.Checks = slices.DeleteFunc(slices.Clone(d.Checks), func(c Check) bool { return c.Decision.Allowed })
	return &less
}

// explains says whether a policy's explanation has the hint of a code, so that
// it is not printed twice.
func (d *Decision) explains(code string) bool {
	return slices.ContainsFunc(d.Checks, func(c Check) bool { return c.Decision.Explains(code) })
}

// printer writes the fields of a decision.
type printer struct{ *term.Printer }

func (p printer) field(name, value string) {
	if value == "" {
		return
	}
	p.Line("   %-15s %s", name, value)
}
