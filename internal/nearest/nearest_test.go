package nearest

import "testing"

func TestOf(t *testing.T) {
	candidates := []string{"build", "verify", "infer", "input", "init"}
	for name, want := range map[string]string{
		"biuld": "build", "inptu": "input", "Verify": "verify", "vrfy": "verify", "tensorflow": "", "": "", "x": "",
	} {
		if got := Of(name, candidates); got != want {
			t.Errorf("%q is taken for %q, want %q", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"same", "same", 0}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q is %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
