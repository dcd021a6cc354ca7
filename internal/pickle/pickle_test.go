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

// TestRepeatedText encodes one text again and again: a small file must not become a large one.
func TestRepeatedText(t *testing.T) {
	text := strings.Repeat("a", 1<<16)
	in := "X\x00\x00\x01\x00" + text + "q\x00X\x06\x00\x00\x00latin1q\x010](" + strings.Repeat("c_codecs\nencode\nh\x00h\x01\x86R", 300) + "e."
	if _, err := pickle.Read([]byte(in)); err == nil || !strings.Contains(err.Error(), "more bytes") {
		t.Errorf("300 copies: %v", err)
	}
	in = "X\x00\x00\x01\x00" + text + "q\x00X\x06\x00\x00\x00latin1q\x010](" + "c_codecs\nencode\nh\x00h\x01\x86R" + "e."
	if _, err := pickle.Read([]byte(in)); err != nil {
		t.Errorf("one: %v", err)
	}
}

// FuzzRead begins with small pickles that have every kind of opcode: large ones take
// the fuzzer long to make smaller.
func FuzzRead(f *testing.F) {
	meta, err := os.ReadFile("../../data/testdata/python2/batches.meta")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(meta)
	f.Add([]byte("\x80\x02}q\x01(U\x04datacnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(K\x02M\x00\x0ctN\x89T\x02\x00\x00\x00abtbU\x06labels](K\x00K\x01eu."))
	f.Add([]byte("\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\x94\x8c\x02u1\x94\x88\x87\x94R\x94C\x02abB\x01\x00\x00\x00c\x86."))
	f.Add([]byte("c_codecs\nencode\n(X\x02\x00\x00\x00hiX\x06\x00\x00\x00latin1tRQ."))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = pickle.Read(b) })
}
