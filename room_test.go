package irsaemu

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Programs that .ci/room asks, of a machine with one disk: $DISK/free is how many MB are free, to which come 10 for each folder
// of a run or test that is not there any more.
const (
	fakeDF = `#!/bin/bash
free=$(cat "$DISK/free")
for folder in irsa-gate-999999999 go-build1; do [ -e "$DISK/tmp/$folder" ] || free=$((free + 10)); done
printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 1 1 %s 1%% /\n' $((free * 1024))
`
	fakeGo = `#!/bin/bash
case "$*" in
"env GOCACHE") echo "$DISK/cache" ;;
"clean -cache") echo $(($(cat "$DISK/free") + 1000)) >"$DISK/free" ;;
*) exit 1 ;;
esac
`
	fakeDocker = `#!/bin/bash
case "$*" in
"ps "*) # of a run that has ended, of one that has not, of .ci/up, killed and at work, of others
	for name in irsa-emu-run-ended irsa-emu-run-held irsa-emu-run-other irsa-emu-up-999999999 irsa-emu-up-$OWN irsa-emu-up-1x mine; do echo "id-$name $name"; done ;;
"rm --force --volumes id-irsa-emu-run-ended" | "rm --force --volumes id-irsa-emu-up-999999999") echo $(($(cat "$DISK/free") + 20)) >"$DISK/free" ;;
"info --format {{.DockerRootDir}}") echo "$DISK/docker" ;;
"image prune --force --filter label=dev.irsa-emu.image") echo $(($(cat "$DISK/free") + 100)) >"$DISK/free" ;;
*) exit 1 ;;
esac
`
	fakeFlock = `#!/bin/bash
[[ $2 != *-held ]]
`
)

// The gate removes what it made and can make again, no more of it than it needs, and nothing else; where that is not enough
// it says so before it begins.
func TestRoomForTheGate(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("there is no bash here")
	}
	const runs, tests, clusters, images, builds = "folders of runs", "folders of Go's builds and tests", "clusters of runs", "images of pods", "Go's build cache of"
	for _, c := range []struct {
		name     string
		free, mb int    // MB: free at first, and taken by images and clusters
		parts    string // default: docker
		removed  []string
		fails    string
	}{
		{name: "enough", free: 500, mb: 500},
		{name: "a run's folder is enough", free: 490, mb: 500, removed: []string{runs}},
		{name: "tests' folders too", free: 485, mb: 500, removed: []string{runs, tests}},
		{name: "clusters too", free: 440, mb: 500, removed: []string{runs, tests, clusters}},
		{name: "images too", free: 400, mb: 500, removed: []string{runs, tests, clusters, images}},
		{name: "builds too", free: 300, mb: 500, removed: []string{runs, tests, clusters, images, builds}},
		{
			name: "nothing is enough", free: 300, mb: 5000, removed: []string{runs, tests, clusters, images, builds},
			fails: "the disk of / has 1460 MB free, and what comes takes about 5000 MB there (docker: ",
		},
		{name: "for Go's part too", free: 1500, mb: 500, parts: "go docker"},
		{name: "for Go's part too, which is on the same disk", free: 1499, mb: 500, parts: "go docker", removed: []string{runs}},
		{name: "no such part", free: 500, mb: 500, parts: "kind", fails: "room: kind is no part; go and docker are"},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := t.TempDir()
			for name, program := range map[string]string{"df": fakeDF, "go": fakeGo, "docker": fakeDocker, "flock": fakeFlock} {
				write(t, filepath.Join(disk, "bin", name), program, 0o755)
			}
			write(t, filepath.Join(disk, "free"), strconv.Itoa(c.free), 0o644)
			write(t, filepath.Join(disk, "cache", "builds"), strings.Repeat("x", 3<<20), 0o644)
			for _, name := range []string{"irsa-emu-run-ended", "irsa-emu-run-held"} {
				write(t, filepath.Join(disk, "caches", "irsa-emu", "clusters", name), "", 0o600)
			}
			old := time.Now().Add(-2 * time.Hour)
			mine := "irsa-gate-" + strconv.Itoa(os.Getpid())
			for _, name := range []string{"irsa-gate-999999999", mine, "go-build1", "go-build2", "work"} {
				path := filepath.Join(disk, "tmp", name)
				write(t, filepath.Join(path, "file"), "x", 0o444)
				if name == "go-build2" {
					continue // at work
				}
				if err := os.Chtimes(path, old, old); err != nil {
					t.Fatal(err)
				}
			}
			command := exec.Command("bash", append([]string{".ci/room"}, strings.Fields(cmp.Or(c.parts, "docker"))...)...)
			command.Env = append(os.Environ(), "DISK="+disk, "OWN="+strconv.Itoa(os.Getpid()), "XDG_CACHE_HOME="+filepath.Join(disk, "caches"),
				"TMPDIR="+filepath.Join(disk, "tmp", mine), "PATH="+filepath.Join(disk, "bin")+":"+os.Getenv("PATH"),
				"ROOM_GO=2", "ROOM_DOCKER="+strconv.Itoa(c.mb))
			out, err := command.CombinedOutput()
			if (err != nil) != (c.fails != "") || !strings.Contains(string(out), c.fails) {
				t.Errorf("%v, want a failure with %q:\n%s", err, c.fails, out)
			}
			for _, what := range []string{runs, tests, clusters, images, builds} {
				if got, want := strings.Contains(string(out), "room: removed "+what), strings.Contains(strings.Join(c.removed, "\n"), what); got != want {
					t.Errorf("removed %s: %v, want %v:\n%s", what, got, want, out)
				}
			}
			for _, kept := range []string{mine, "go-build2", "work"} {
				if _, err := os.Stat(filepath.Join(disk, "tmp", kept, "file")); err != nil {
					t.Errorf("%s was removed: %v", kept, err)
				}
			}
		})
	}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}
