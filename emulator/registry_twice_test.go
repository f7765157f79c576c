package emulator

import (
	"net/http"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/wire"
)

// declared is a service that does nothing but declare itself.
type declared struct{ description *api.Description }

func (d declared) Describe() *api.Description                  { return d.description }
func (declared) Serve(http.ResponseWriter, *api.Request) error { return nil }

// What leads to a service leads to one alone: a second one that claims it is a
// mistake of whoever registers it, at the start.
func TestServicesThatClaimTheSame(t *testing.T) {
	first := declared{&api.Description{Name: "notes", Protocol: wire.JSON{}, Hosts: []string{"notes", "notes-*"}, Targets: []string{"noteservice"}, Paths: []string{"/notes/{id}"}}}
	for _, c := range []struct {
		second api.Description
		want   string
	}{
		{api.Description{Name: "memos", Protocol: wire.JSON{}, Hosts: []string{"memos"}, Targets: []string{"memoservice"}}, ""},
		{api.Description{Name: "notes", Protocol: wire.JSON{}}, "two services are called notes"},
		{api.Description{Name: "memos", Protocol: wire.JSON{}, Hosts: []string{"notes-fips"}}, "two services have the host notes-fips: notes and memos"},
		{api.Description{Name: "memos", Protocol: wire.JSON{}, Hosts: []string{"notes*"}}, "two services have the host notes*: notes and memos"},
		{api.Description{Name: "memos", Protocol: wire.JSON{}, Targets: []string{"noteservice"}}, "two services have the target noteservice: notes and memos"},
		{api.Description{Name: "memos", Protocol: wire.JSON{}, Paths: []string{"/notes/{id}"}}, "two services have the path /notes/{id}"},
		{api.Description{Name: "memos"}, "no protocol"},
	} {
		_, err := newRegistry([]api.Service{first, declared{&c.second}})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.second, err, c.want)
		}
	}
}
