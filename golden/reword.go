package golden

import (
	"os"
	"strings"
)

const (
	// RewordedVariable is set in the environment where the messages of the product
	// have [Word] between their words (compat/reword).
	RewordedVariable = "IRSA_EMU_REWORDED"
	Word             = "zq "
)

// Plain is a text without what was done to its messages, and is what is compared:
// the text itself, but for compat/reword. There, blanks and line ends do not count,
// since columns and lines are filled anew for longer texts.
func Plain(text string) string {
	if !reworded() {
		return text
	}
	return strings.Join(strings.Fields(Unworded(text)), " ")
}

// Unworded is a text without the words that compat/reword put in.
func Unworded(text string) string {
	if !reworded() {
		return text
	}
	return strings.ReplaceAll(text, Word, "")
}

func reworded() bool { return os.Getenv(RewordedVariable) != "" }
