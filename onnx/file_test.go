package onnx_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"alexctl/onnx"
)

// officialModels are ONNX's node tests, from Debian's libonnx-testdata.
func officialModels(t testing.TB) []string {
	files, _ := filepath.Glob("/usr/share/libonnx-testdata/data/node/*/model.onnx")
	if len(files) == 0 {
		t.Skip("ONNX's node tests are not here: install Debian's libonnx-testdata")
	}
	return files
}

// TestRoundTrip opens and writes every official model. The second reading must
// give the same bytes as the first, so nothing is lost on the way.
func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	for _, file := range officialModels(t) {
		m, err := onnx.Open(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if p, _ := onnx.Check(m); len(p) > 0 {
			t.Errorf("%s: %v", file, p)
		}
		copied := filepath.Join(dir, "m.onnx")
		if _, err := m.WriteFile(context.Background(), copied, onnx.WriteOptions{}); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		original, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		written, err := os.ReadFile(copied)
		if err != nil {
			t.Fatal(err)
		}
		a, b := canonical(t, original, "model"), canonical(t, written, "model")
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s: open and write changed its meaning\n%v\n%v", file, a, b)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// messageFields says which fields of which message hold messages; everything else
// of wire type 2 is bytes.
var messageFields = map[string]map[protowire.Number]string{
	"model":    {7: "graph", 8: "opset", 14: "entry", 20: "training", 25: "function"},
	"graph":    {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value", 14: "annotation", 15: "sparse", 16: "entry"},
	"node":     {5: "attribute", 9: "entry"},
	"function": {7: "node", 9: "opset", 11: "attribute", 12: "value", 14: "entry"},
	"attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 14: "type", 15: "type", 22: "sparse",
		23: "sparse"},
	"value":      {2: "type", 4: "entry"},
	"type":       {1: "tensortype", 4: "sequence", 5: "map", 8: "tensortype", 9: "sequence"},
	"tensortype": {2: "shape"},
	"sequence":   {1: "type"},
	"map":        {2: "type"},
	"shape":      {1: "dim"},
	"tensor":     {13: "entry", 16: "entry"},
}

// canonical parses a message independently of the package, into lists by field
// number, with tensor data in the layout of raw_data and packed numbers unpacked.
func canonical(t *testing.T, b []byte, kind string) map[protowire.Number][]any {
	t.Helper()
	out := map[protowire.Number][]any{}
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatalf("%s: %v", kind, protowire.ParseError(n))
		}
		b = b[n:]
		switch typ {
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			b = b[n:]
			out[num] = append(out[num], v)
		case protowire.Fixed32Type:
			v, n := protowire.ConsumeFixed32(b)
			b = b[n:]
			out[num] = append(out[num], math.Float32frombits(v))
		case protowire.Fixed64Type:
			v, n := protowire.ConsumeFixed64(b)
			b = b[n:]
			out[num] = append(out[num], v)
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			b = b[n:]
			sub, isMessage := messageFields[kind][num]
			switch {
			case isMessage:
				out[num] = append(out[num], canonical(t, v, sub))
			case kind == "tensor" && (num == 1 || num == 5 || num == 7 || num == 11) || kind == "attribute" && num == 8:
				for len(v) > 0 {
					x, n := protowire.ConsumeVarint(v)
					v = v[n:]
					out[num] = append(out[num], x)
				}
			case kind == "tensor" && num == 4 || kind == "attribute" && num == 7:
				for len(v) > 0 {
					x, n := protowire.ConsumeFixed32(v)
					v = v[n:]
					out[num] = append(out[num], math.Float32frombits(x))
				}
			case kind == "tensor" && num == 10:
				for len(v) > 0 {
					x, n := protowire.ConsumeFixed64(v)
					v = v[n:]
					out[num] = append(out[num], x)
				}
			default:
				out[num] = append(out[num], string(v))
			}
		default:
			t.Fatalf("%s: wire type %d", kind, typ)
		}
	}
	if kind == "tensor" {
		rawData(t, out)
	}
	dropDefaults(out)
	return out
}

// rawData replaces typed tensor data by raw data.
func rawData(t *testing.T, m map[protowire.Number][]any) {
	if len(m[6]) > 0 || len(m[9]) > 0 {
		return
	}
	width := map[uint64]int{1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 14: 8, 15: 16, 16: 2}[m[2][0].(uint64)]
	var raw []byte
	put := func(v uint64, width int) {
		for i := range width {
			raw = append(raw, byte(v>>(8*i)))
		}
	}
	for _, num := range []protowire.Number{4, 5, 7, 10, 11} {
		for _, v := range m[num] {
			switch x := v.(type) {
			case float32:
				put(uint64(math.Float32bits(x)), 4)
			case uint64:
				if num == 10 {
					put(x, 8)
				} else {
					put(x, width)
				}
			default:
				t.Fatalf("%T", v)
			}
		}
		delete(m, num)
	}
	if raw != nil {
		m[9] = []any{string(raw)}
	}
}

// dropDefaults removes empty strings, which protobuf does not tell from absent ones.
func dropDefaults(m map[protowire.Number][]any) {
	for num, list := range m {
		if len(list) == 1 && list[0] == "" {
			delete(m, num)
		}
	}
}

func write(t *testing.T, m *onnx.Model, o onnx.WriteOptions) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.onnx")
	if _, err := m.WriteFile(context.Background(), path, o); err != nil {
		t.Fatal(err)
	}
	return path
}

// tiny returns a model of one Gemm with a weight of 300 elements.
func tiny(t *testing.T) *onnx.Model {
	t.Helper()
	w := make([]float32, 300)
	for i := range w {
		w[i] = float32(i) / 7
	}
	weight, err := onnx.FromFloat32s("w", []int64{3, 100}, w)
	if err != nil {
		t.Fatal(err)
	}
	return &onnx.Model{IRVersion: 7, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: &onnx.Graph{
		Name:         "tiny",
		Nodes:        []*onnx.Node{{Name: "fc", OpType: "Gemm", Inputs: []string{"x", "w"}, Outputs: []string{"y"}, Attributes: []*onnx.Attribute{onnx.IntAttr("transB", 1)}}},
		Initializers: []*onnx.Tensor{weight},
		Inputs:       []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(100)})}},
		Outputs:      []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(3)})}},
	}}
}

func TestExternalData(t *testing.T) {
	path := write(t, tiny(t), onnx.WriteOptions{ExternalData: true})
	m, err := onnx.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	w := m.Graph.Initializer("w")
	if w.External == nil || w.External.Location != "m.onnx.data" {
		t.Fatalf("external data at %+v", w.External)
	}
	got := make([]float32, 2)
	if err := w.Float32s(got, 298); err != nil || got[1] != float32(299)/7 {
		t.Errorf("elements %v, error %v", got, err)
	}
	inline, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	want, err := tiny(t).Bytes()
	if err != nil || !bytes.Equal(inline, want) {
		t.Errorf("data written inline again differs from the original (%v)", err)
	}
	if err := os.Remove(path + ".data"); err != nil {
		t.Fatal(err)
	}
	gone, err := onnx.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := onnx.Check(gone); len(p) != 1 || !strings.Contains(p[0].Problem, "external data") {
		t.Errorf("problems %v", p)
	}
}

// withLocation returns the file of a model whose weight lies at location.
func withLocation(t *testing.T, location, offset, length string) string {
	t.Helper()
	entry := func(k, v string) []byte {
		b := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), k)
		b = protowire.AppendString(protowire.AppendTag(b, 2, protowire.BytesType), v)
		return protowire.AppendBytes(protowire.AppendTag(nil, 13, protowire.BytesType), b)
	}
	tensor := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 2)
	tensor = protowire.AppendVarint(protowire.AppendTag(tensor, 2, protowire.VarintType), 1)
	tensor = protowire.AppendString(protowire.AppendTag(tensor, 8, protowire.BytesType), "w")
	tensor = append(tensor, entry("location", location)...)
	tensor = append(tensor, entry("offset", offset)...)
	tensor = append(tensor, entry("length", length)...)
	tensor = protowire.AppendVarint(protowire.AppendTag(tensor, 14, protowire.VarintType), 1)
	graph := protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), tensor)
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(path, protowire.AppendBytes(protowire.AppendTag(nil, 7, protowire.BytesType), graph), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExternalDataOutOfReach(t *testing.T) {
	for name, c := range map[string]struct{ location, offset, length, want string }{
		"parent":   {"../secret", "0", "8", "outside the model's directory"},
		"absolute": {"/etc/passwd", "0", "8", "outside the model's directory"},
		"missing":  {"nothing", "0", "8", "no such file"},
		"negative": {"data", "-4", "8", "negative offset"},
		"beyond":   {"data", "8", "8", "the file has 8"},
		"overflow": {"data", "9223372036854775807", "9223372036854775807", "the file has 8"},
		"words":    {"data", "a", "8", "not a number"},
		"link":     {"link", "0", "8", "external data"},
		"folder":   {"folder", "0", "8", "not a regular file"},
	} {
		path := withLocation(t, c.location, c.offset, c.length)
		dir := filepath.Dir(path)
		if err := os.WriteFile(filepath.Join(dir, "data"), make([]byte, 8), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Graph.Initializer("w").ReadRaw(make([]byte, 8), 0); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFileCutShort truncates a file while it is open: an error, not a fault.
func TestFileCutShort(t *testing.T) {
	path := write(t, tiny(t), onnx.WriteOptions{})
	m, err := onnx.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	if err := os.Truncate(path, 200); err != nil {
		t.Fatal(err)
	}
	if err := m.Graph.Initializer("w").Float32s(make([]float32, 300), 0); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("error is %v", err)
	}
	target := filepath.Join(t.TempDir(), "out.onnx")
	if _, err := m.WriteFile(context.Background(), target, onnx.WriteOptions{}); err == nil {
		t.Error("a model whose data is gone was written")
	}
	if left, _ := os.ReadDir(filepath.Dir(target)); len(left) > 0 {
		t.Errorf("a failed write left %v", left)
	}
}

func TestClosedModel(t *testing.T) {
	m, err := onnx.Open(write(t, tiny(t), onnx.WriteOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Graph.Initializer("w").Float32s(make([]float32, 1), 0); err == nil {
		t.Error("a tensor of a closed model was read")
	}
}

func TestWriteKeepsOldFileOnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := tiny(t).WriteFile(ctx, path, onnx.WriteOptions{}); err == nil {
		t.Error("a cancelled write succeeded")
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("the old file became %q", b)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("a cancelled write left %v", left)
	}
}

func TestWithInitializers(t *testing.T) {
	g := tiny(t).Graph
	right, _ := onnx.FromFloat32s("any", []int64{3, 100}, make([]float32, 300))
	wrong, _ := onnx.FromFloat32s("any", []int64{100, 3}, make([]float32, 300))
	n, err := g.WithInitializers(map[string]*onnx.Tensor{"w": right})
	if err != nil || n.Initializer("w") == nil || n.Initializer("w") == g.Initializer("w") {
		t.Errorf("error %v", err)
	}
	_, err = g.WithInitializers(map[string]*onnx.Tensor{"w": wrong, "v": right})
	if err == nil || !strings.Contains(err.Error(), "want FLOAT[3 100]") || !strings.Contains(err.Error(), "v: the graph has no") {
		t.Errorf("error is %v", err)
	}
}

func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		v := onnx.Float16ToFloat64(uint16(h))
		if math.IsNaN(v) {
			continue
		}
		if got := onnx.Float16FromFloat64(v); got != uint16(h) {
			t.Fatalf("float16 %#x is %g and back %#x", h, v, got)
		}
		b := onnx.BFloat16ToFloat64(uint16(h))
		if !math.IsNaN(b) && onnx.BFloat16FromFloat64(b) != uint16(h) {
			t.Fatalf("bfloat16 %#x is %g and back %#x", h, b, onnx.BFloat16FromFloat64(b))
		}
	}
	// Between two neighbours: to the nearer one, ties to the even one.
	for _, c := range []struct {
		v    float64
		want uint16
	}{{1 + 0x1p-11, 0x3c00}, {1 + 0x1p-11 + 0x1p-40, 0x3c01}, {1 + 3*0x1p-11, 0x3c02}, {65519, 0x7bff}, {65520, 0x7c00}, {0x1p-25, 0}, {0x1.8p-25, 1}} {
		if got := onnx.Float16FromFloat64(c.v); got != c.want {
			t.Errorf("%g to float16 is %#x, want %#x", c.v, got, c.want)
		}
	}
	if got := onnx.BFloat16FromFloat64(1 + 0x1p-8 + 0x1p-40); got != 0x3f81 {
		t.Errorf("bfloat16 rounds twice: %#x", got)
	}
}
