package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// asking are the commands that do no more than to ask a mesh; of the others, doing, a test asks for help, which reads their flags.
func asking() []string {
	return strings.Fields("ps logs level lease debug profile window audit token schedule mesh topology causes trace sizing")
}

func doing() []string {
	return strings.Fields("up run migrate studio ship cron doctor context completion")
}

// Every command that the documents and the helps show is one: it may find no mesh here, but it is not misused.
func TestTheDocumentsCommandsAreRead(t *testing.T) {
	t.Parallel()
	shown := map[string]int{}
	for doc, text := range shownTexts(t) {
		for _, args := range commandsIn(t, text) {
			shown[args[0]]++
			if code, _, said := call(t, nil, "", args...); code == exitMisused {
				t.Errorf("%s: signalbox %s: %s", doc, strings.Join(args, " "), said)
			}
		}
	}
	for _, name := range asking() {
		if shown[name] == 0 {
			t.Errorf("no document shows signalbox %s", name)
		}
	}
	t.Logf("%v", shown)
}

// shownTexts are the documents, and the helps of all commands.
func shownTexts(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	root := filepath.Join("..", "..")
	for _, dir := range []string{"docs", "alerts", "services", "maintenance", "README.md"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !slices.Contains([]string{".md", ".yaml"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			texts[path] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var helps func(command ...string)
	helps = func(command ...string) {
		_, text, _ := call(t, nil, "", append(slices.Clone(command), "--help")...)
		texts[strings.Join(command, " ")+" --help"] = text
		for _, below := range regexp.MustCompile(`(?m)^  `+strings.Join(command, " ")+` ([a-z]+)`).FindAllStringSubmatch(text, -1) {
			helps(append(slices.Clone(command), below[1])...)
		}
	}
	for _, name := range slices.Concat(asking(), doing()) {
		helps(name)
	}
	return texts
}

// commandsIn a text, as their arguments: what stands on a line of its own, or between backquotes.
func commandsIn(t *testing.T, text string) (all [][]string) {
	t.Helper()
	pattern := `signalbox (?:` + strings.Join(slices.Concat(asking(), doing()), "|") + `)\b`
	for _, line := range regexp.MustCompile("(?m)^ *(?:\\$ )?"+pattern+".*$|`"+pattern+"[^`\n]*`").FindAllString(text, -1) {
		named := strings.HasPrefix(line, "`")
		line = strings.NewReplacer("…", "2026-11-14", "REASON", "deadline").Replace(strings.Trim(line, "` $"))
		for _, end := range []string{"   ", " #", " | ", "; ", " || ", " > ", " < "} {
			line, _, _ = strings.Cut(line, end)
		}
		if strings.ContainsAny(regexp.MustCompile(`"[^"]*"|'[^']*'`).ReplaceAllString(line, ""), "<>()|&;*") {
			t.Errorf("the shell takes a part of it: %s", line)
		}
		args := words(line)[1:]
		switch {
		case slices.Contains(args, "--from-file"):
			continue // there is none
		case slices.Contains(doing(), args[0]):
			args = slices.Insert(args, 1, "--help")
		case named && len(args) <= 2:
			args = append(args, "--help")
		}
		if slices.Contains(asking(), args[0]) && args[0] != "sizing" && !slices.Contains(args, "explain") {
			args = append(args, "--url", "http://127.0.0.1:1", "--token", "t")
		}
		all = append(all, args)
	}
	return all
}

// words of a line as the shell splits it.
func words(line string) (all []string) {
	for _, word := range regexp.MustCompile(`(?:"[^"]*"|'[^']*'|[^ "'])+`).FindAllString(line, -1) {
		all = append(all, strings.NewReplacer(`"`, "", `'`, "").Replace(word))
	}
	return all
}
