package docgen

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThePageOfTheAPINamesWhatIsThere: operations and paths that /docs and the README write out by hand.
func TestThePageOfTheAPINamesWhatIsThere(t *testing.T) {
	t.Parallel()
	doc := read(t, "docs/openapi.json")
	page := read(t, "services/gateway/internal/docs/page/index.html")
	for _, found := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(doc, `"operationId": "`+found[1]+`"`) {
			t.Errorf("the page links to the operation %s, which is not there", found[1])
		}
	}
	for _, found := range regexp.MustCompile(`/api/[a-z]+/v1/[a-z]+`).FindAllString(page+read(t, "README.md"), -1) {
		if !strings.Contains(doc, `"`+found) {
			t.Errorf("no operation is at %s", found)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
