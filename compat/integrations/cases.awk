# What runners print, as the cases of this folder's suites: ok NAME, not ok NAME, skip NAME: why.
kind == "pytest" && /::.* (PASSED|FAILED|ERROR) +\[ *[0-9]+%\]$/ {
  result = / PASSED +\[ *[0-9]+%\]$/ ? "ok" : "not ok"
  sub(/ (PASSED|FAILED|ERROR) +\[ *[0-9]+%\]$/, "")
  print result " pytest " $0
}
kind == "pytest" && /^SKIPPED \[/ { sub(/^SKIPPED \[[0-9]+\] /, ""); print "skip pytest " $0 }
(kind == "node:test" || kind == "vitest") && /^(not )?ok / {
  result = $1 == "ok" ? "ok" : "not ok"
  name = $0; sub(/^(not )?ok [0-9]+ - /, "", name); sub(/ # time=.*/, "", name)
  if (split(name, parts, / # SKIP */) > 1) print "skip " kind " " parts[1] ": " parts[2]
  else print result " " kind " " name
}
kind == "jest" && /^ +(✓|✕) / { result = $1 == "✓" ? "ok" : "not ok"; sub(/^ +(✓|✕) /, ""); print result " jest " $0 }
kind == "go test" && /^--- (PASS|FAIL): / { print ($2 == "PASS:" ? "ok" : "not ok") " go test " $3 }
kind == "go test" && /^--- SKIP: / { print "skip go test " $3 ": it says why with go test -v" }
