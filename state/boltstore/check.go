package boltstore

import (
	"errors"
	"fmt"
	"os"
)

// Report is what Check found in a file that is in order.
type Report struct {
	Format   int            // of the file's layout
	Revision int64          // of the last commit
	Entities int64          // all of them
	Kinds    map[string]int // how many of each kind
	Bytes    int64          // the file's size
}

// DamagedError says that a file is not what was written. The file was not changed.
type DamagedError struct {
	Path string
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("state file %s cannot be used: %v (the file was left as it is; go back to a copy or an export of it, or name another file)", e.Path, e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// Check reads all of a state file and tells what is in it, or what is wrong with it (*DamagedError), changing nothing. It
// needs the file for itself: while an emulator uses it, the answer is an *InUseError.
func Check(path string) (Report, error) {
	file, err := os.Open(path)
	if err != nil {
		return Report{}, fmt.Errorf("opening the state file: %w", err)
	}
	defer file.Close()
	if err := lock(file); err != nil {
		return Report{}, err
	}
	_, report, err := inspect(file, Format)
	return report, err
}

// inspect checks everything that can be checked: pages, checksums, and that the records are those of the summary. Of a file
// in an older format only the pages are; newest is the newest format that can be read.
func inspect(file *os.File, newest int) (summary, Report, error) {
	damaged := func(err error) (summary, Report, error) {
		return summary{}, Report{}, &DamagedError{Path: file.Name(), Err: err}
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		return summary{}, Report{}, fmt.Errorf("opening the state file: %w", err)
	case info.IsDir():
		return summary{}, Report{}, fmt.Errorf("opening the state file: %s is a folder", file.Name())
	case info.Size() == 0:
		return damaged(errors.New("it is empty, which no state file is (to begin with a new one, remove it)"))
	}
	var (
		written []byte
		found   summary
		wrong   error // the first record that is
		kinds   = map[string]int{}
	)
	err = walk(file, info.Size(), func(buckets []string, key, value []byte) {
		switch {
		case len(buckets) == 1 && buckets[0] == string(metaBucket) && string(key) == string(summaryKey):
			written = value
		case len(buckets) == 2 && buckets[0] == string(entitiesBucket):
			_, sum, err := decodeRecord(buckets[1], string(key), value)
			if err != nil && wrong == nil {
				wrong = err
			}
			found.add(sum)
			kinds[buckets[1]]++
		case wrong == nil:
			wrong = fmt.Errorf("it holds %q in %q, which irsa-emu does not write", key, buckets)
		}
	})
	if err != nil {
		return damaged(err)
	}
	says, err := decodeSummary(written)
	if err != nil {
		return damaged(err)
	}
	if says.Format > newest {
		return summary{}, Report{}, fmt.Errorf("state file %s has format %d, written by a newer irsa-emu; this one reads formats up to %d",
			file.Name(), says.Format, newest)
	}
	if says.Format == newest && wrong == nil && (says.Entities != found.Entities || says.Sum != found.Sum) {
		wrong = fmt.Errorf("it has %d entities where %d were written, or others than were written", found.Entities, says.Entities)
	}
	if says.Format == newest && wrong != nil {
		return damaged(wrong)
	}
	return says, Report{Format: says.Format, Revision: says.Revision, Entities: found.Entities, Kinds: kinds, Bytes: info.Size()}, nil
}
