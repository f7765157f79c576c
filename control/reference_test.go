package control_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/golden"
)

const referenceFile = "../docs/control-api.md"

// docs/control-api.md is what the endpoints and types say, comments included.
func TestReference(t *testing.T) {
	got := (&reference{t: t, comments: fieldComments(t, "types.go")}).text()
	golden.File(t, referenceFile, got)
}

const referenceHead = `# The control API

Everything below ` + "`/_emu`" + ` speaks JSON and is never signed. It answers on loopback
listeners; elsewhere only who sends the token of ` + "`serve --control-token`" + ` as
` + "`Authorization: Bearer TOKEN`" + `, and never web pages of other origins.

A failure is ` + "`{\"error\": \"…\"}`" + ` with a status of 400 or above: 400 for a request that is
not right, 403 where the caller may not, 404 for what is not there, 409 for what the
state does not permit, 413 for a body that is too large, 503 while the store is
unreachable. Query parameters and members that an endpoint does not have are refused,
and the error names those that it has.

    curl -s localhost:4772/_emu/decisions?outcome=refused
    curl -s localhost:4772/_emu/tokens -d '{"serviceAccount": "your-namespace/your-service-account"}'
    curl -s localhost:4772/_emu/clock -d '{"advance": "2h"}'
    curl -s localhost:4772/_emu/faults -d '{"match": {"service": "sts"}, "fault": {"code": "Throttling"}, "times": 2}'
    curl -s localhost:4772/_emu/state --data-binary @state.yaml
    curl -s -X DELETE 'localhost:4772/_emu/state?account=111122223333'

` + "`POST /moto-api/reset`" + ` and ` + "`POST /_localstack/state/reset`" + ` are ` + "`DELETE /_emu/state`" + ` for test suites that were
written for moto and LocalStack, which send no credentials. They answer beyond loopback, too: everybody while
` + "`--admin-secret`" + ` is the usual one, which everybody knows; otherwise who has an administrator's access key id and
secret as user name and password (` + "`curl -u`" + `). ` + "`GET /_localstack/health`" + ` names the services. See [test suites](test-suites.md).

In Go, [package control](../control) has a client and [package emulatortest](../emulatortest)
starts an emulator in a test. ` + "`go test ./control -update`" + ` rewrites this page.

`

// fieldComments are the comments of structs' fields, as TYPE.FIELD.
func fieldComments(t *testing.T, file string) map[string]string {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				for _, name := range f.Names {
					comments[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
				}
			}
		}
		return true
	})
	return comments
}

type reference struct {
	t        *testing.T
	out      strings.Builder
	comments map[string]string
	// structs are those that members have, in the order in which they came.
	structs []reflect.Type
}

func (r *reference) text() string {
	r.out.WriteString(referenceHead)
	for _, e := range control.Endpoints() {
		fmt.Fprintf(&r.out, "## %s\n\n%s\n\n", e, e.Does)
		r.part("Query parameters", "Parameter", e.Query)
		r.part("Request", "Member", e.Body)
		if e.Answer == nil {
			r.out.WriteString("The answer is 204 No Content.\n\n")
		}
		r.part("Answer", "Member", e.Answer)
	}
	if len(r.structs) > 0 {
		r.out.WriteString("## Types\n\n")
	}
	for i := 0; i < len(r.structs); i++ { // the list grows
		fmt.Fprintf(&r.out, "### %s\n\n", r.structs[i].Name())
		r.members("Member", r.structs[i])
	}
	return strings.TrimRight(r.out.String(), "\n") + "\n"
}

func (r *reference) part(title, column string, value any) {
	if value == nil {
		return
	}
	typ := reflect.TypeOf(value)
	if elsewhere := r.elsewhere(typ); elsewhere != "" {
		fmt.Fprintf(&r.out, "%s: %s.\n\n", title, elsewhere)
		return
	}
	fmt.Fprintf(&r.out, "%s:\n\n", title)
	r.members(column, typ)
}

// elsewhere is where a type is described that is not of package control.
func (r *reference) elsewhere(t reflect.Type) string {
	switch t.PkgPath() + "." + t.Name() {
	case "github.com/irsa-emu/irsa-emu/statefile.State":
		return "a State document (`irsa-emu schema`)"
	case "github.com/irsa-emu/irsa-emu/decision.Decision":
		return "a decision ([package decision](../decision/decision.go); `irsa-emu explain` renders it)"
	}
	return ""
}

func (r *reference) members(column string, t reflect.Type) {
	fmt.Fprintf(&r.out, "| %s | Type | |\n|---|---|---|\n", column)
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		says := f.Tag.Get("jsonschema_description")
		if says == "" {
			says = r.comments[t.Name()+"."+f.Name]
		}
		if !strings.Contains(options, "omit") {
			name = "**" + name + "**"
		}
		fmt.Fprintf(&r.out, "| %s | %s | %s |\n", name, r.typeName(f.Type), says)
	}
	r.out.WriteString("\n")
}

func (r *reference) typeName(t reflect.Type) string {
	switch t.String() {
	case "json.RawMessage":
		return "JSON Web Key Set"
	case "*time.Time", "time.Time":
		return "time"
	case "control.Duration", "*control.Duration":
		return "duration"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "number"
	case reflect.Slice:
		return "list of " + r.typeName(t.Elem())
	case reflect.Map:
		return "object"
	case reflect.Pointer:
		return r.typeName(t.Elem())
	case reflect.Struct:
		if elsewhere := r.elsewhere(t); elsewhere != "" {
			return elsewhere
		}
		if !slices.Contains(r.structs, t) {
			r.structs = append(r.structs, t)
		}
		return "[" + t.Name() + "](#" + strings.ToLower(t.Name()) + ")"
	}
	r.t.Fatalf("the reference cannot name the type %s", t)
	return ""
}
