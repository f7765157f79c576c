package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/term"
)

const explainLong = `explain says why a call was refused: one of the emulator's, or with --cloudtrail one
that AWS refused, from its CloudTrail event and the policies that --given has.

An event does not carry all that AWS looked at (of a token it has the subject and the
audience), so the answer is one of: explained, with the statement and key; undecided,
with the key that the event does not have; contradiction, when the policies given would
allow the call; elsewhere, when the event names a policy that no source can hold. Calls
that were not refused are skipped. S3 objects, DynamoDB items, SQS messages and the like
leave an event only where data events are on: without one there is nothing to explain.

With --cloudtrail it exits with 0 when every refused call got an answer, 1 when the file
holds no refused call, 2 when an input cannot be read. -o json prints {"events": [{"eventId",
"eventName", "time", "caller", "action", "resource", "error", "verdict", "why",
"statements": [{"policy", "index", "effect", "operator", "key", "want", "got", "answer",
"place"}], "missing": […], "next": […]}]}; fields may be added.`

func (p *program) explainCommand() *cobra.Command {
	var c client
	var output, events, account string
	var given givenFlags
	cmd := &cobra.Command{
		Use: "explain [REQUEST-ID]", Short: "Explain why a call was refused or failed; without an id, the last one", Args: arguments(0, 1),
		Long: explainLong,
		Example: `  irsa-emu explain
  aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=AssumeRoleWithWebIdentity > events.json
  irsa-emu explain --cloudtrail events.json --given account.json --given plan.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return usageError("-o %s: write text or json", output)
			}
			if events != "" {
				return p.explainEvents(events, &given, account, output, args)
			}
			if len(given.paths) > 0 {
				return usageError("--given: of use with --cloudtrail FILE only")
			}
			if given.region != "" {
				return usageError("--region: of use with --cloudtrail FILE only")
			}
			d, err := c.explained(cmd.Context(), args)
			if err != nil {
				return c.failed(err)
			}
			if output == "json" {
				return term.WriteJSON(p.stdout, d)
			}
			out := p.out()
			d.Explain(out)
			return out.Err()
		},
	}
	c.clientFlags(cmd)
	cmd.Flags().StringVar(&events, "cloudtrail", "", "explain the refused calls of a file of CloudTrail events instead (a record, a log file, lookup-events' output, EventBridge's; - is the standard input)")
	given.add(cmd, "with --cloudtrail: what has the roles and policies")
	given.addRegion(cmd)
	cmd.Flags().StringVar(&account, "account", "", "with --cloudtrail: the account of what names none")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// explained is the decision of the request that args name, or of the last call
// that got an error, whichever: one that a parameter made fail is as puzzling as
// a refusal, and must not hide behind an older one.
func (c *client) explained(ctx context.Context, args []string) (*decision.Decision, error) {
	if len(args) == 1 {
		return c.Decision(ctx, args[0])
	}
	const recent = 50
	newest, err := c.Decisions(ctx, control.DecisionQuery{Limit: recent})
	if err != nil {
		return nil, err
	}
	for _, d := range newest {
		if d.Outcome != decision.Allowed {
			return d, nil
		}
	}
	var last *decision.Decision
	for _, outcome := range []decision.Outcome{decision.Refused, decision.Failed} { // older than the recent ones
		older, err := c.Decisions(ctx, control.DecisionQuery{Limit: 1, Outcome: outcome})
		if err != nil {
			return nil, err
		}
		if len(older) > 0 && (last == nil || older[0].Time.After(last.Time)) {
			last = older[0]
		}
	}
	if last == nil {
		return nil, errors.New("no call was refused so far, and none failed")
	}
	return last, nil
}
