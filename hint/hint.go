// Package hint holds what is said about a known mistake beside AWS's own answer,
// as data: a stable code, what is wrong, what to write instead, and where the
// text of a document has to change for that. Programs decide by the code, never
// by the words, so that any message can be reworded.
package hint

// ReasonHeader is the header of an answer that carries why a call was refused,
// beside AWS's own words.
const ReasonHeader = "X-Irsa-Emu-Reason"

// Hint is a known mistake and its remedy.
type Hint struct {
	// Code is stable, such as "wildcard-under-equals".
	Code string `json:"code"`
	// Message says what is wrong.
	Message string `json:"message"`
	// Fix says what to write or to do instead; empty when only the user can know.
	Fix string `json:"fix,omitempty"`
	// Edits change the document that the hint is about, when what to write is certain.
	Edits []Edit `json:"-"`
}

// IsZero reports that there is no hint.
func (h Hint) IsZero() bool { return h.Code == "" && h.Message == "" && h.Fix == "" }

// String is the hint as one sentence.
func (h Hint) String() string { return Sentence(h.Message, h.Fix) }

// Sentence is what is wrong and what to do, either of which may be missing.
func Sentence(message, fix string) string {
	if message == "" || fix == "" {
		return message + fix
	}
	return message + "; " + fix
}

// Edit replaces the bytes from Start to End of a document by a text.
type Edit struct {
	Start, End int
	Text       string
}
