package pickle_test

import (
	"os"
	"strings"
	"testing"

	"alexctl/internal/pickle"
)

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want any
	}{
		"int":      {"\x80\x02K\x07.", int64(7)},
		"negative": {"J\xfe\xff\xff\xff.", int64(-2)},
		"long":     {"\x8a\x02\x00\xff.", int64(-256)},
		"text":     {"X\x02\x00\x00\x00hi.", "hi"},
		"true":     {"\x88.", true},
		"none":     {"N.", nil},
		"float":    {"G?\xf0\x00\x00\x00\x00\x00\x00.", 1.0},
		"old int":  {"I12\n.", int64(12)},
		"old true": {"I01\n.", true},
		"memo":     {"K\x01q\x00K\x022h\x000.", int64(2)},
	} {
		got, err := pickle.Read([]byte(c.in))
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
}

// TestNothingRuns reads a pickle that would remove a file if anything ran it.
func TestNothingRuns(t *testing.T) {
	v, err := pickle.Read([]byte("cos\nsystem\n(S'x'\ntR."))
	if err == nil {
		t.Errorf("an opcode that is not understood was accepted: %v", v)
	}
	v, err = pickle.Read([]byte("cos\nsystem\n(X\x04\x00\x00\x00echo" + "tR."))
	if c, ok := v.(*pickle.Call); err != nil || !ok || c.Function != (pickle.Global{Module: "os", Name: "system"}) {
		t.Errorf("%v, %v", v, err)
	}
}

func TestBadPickles(t *testing.T) {
	for name, in := range map[string]string{
		"empty":         "",
		"no stop":       "K\x01",
		"empty stack":   ".",
		"cut string":    "X\xff\xff\xff\x7fhi.",
		"huge string":   "\x8d\xff\xff\xff\xff\xff\xff\xff\xffhi.",
		"unknown":       "\xf0.",
		"no mark":       "t.",
		"mark":          "(.",
		"memo":          "h\x05.",
		"append to int": "K\x01K\x02a.",
		"odd dict":      "}(K\x01u.",
		"tuple":         "\x87.",
		"wide long":     "\x8a\x10aaaaaaaaaaaaaaaa.",
		"arguments":     "cos\nsystem\nK\x01R.",
	} {
		if v, err := pickle.Read([]byte(in)); err == nil {
			t.Errorf("%s: was read as %v", name, v)
		} else if !strings.Contains(err.Error(), "pickle") && name != "empty stack" && name != "mark" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"python2/test_batch", "python3/data_batch_5", "python3/test_batch", "python2/batches.meta"} {
		b, err := os.ReadFile("../../data/testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = pickle.Read(b) })
}
