package cmd

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"alexctl/train"
	"alexctl/verify"
	"alexctl/verify/report"
)

var update = flag.Bool("update", false, "write the schemas")

const schemaFolder = "../docs/json"

// results are what each command prints with --json: one value, or lines of several kinds.
var results = map[string][]any{
	"bench":      {benchResult{}},
	"build":      {built{}},
	"check":      {checked{}},
	"data":       {[]listed{}},
	"data-fetch": {fetched{}},
	"doctor":     {diagnosis{}},
	"eval":       {evaluated{}},
	"infer":      {inferred{}, inferredError{}},
	"inspect":    {inspected{}},
	"setup":      {installed{}},
	"train":      {train.EpochEvent{}, train.CheckpointEvent{}, train.WarningEvent{}, train.NoteEvent{}, train.StepEvent{}, tried{}, trained{}},
	"verify":     {report.Report{}},
	"version":    {versions{}},
}

// schemaOf describes the JSON of a type, as encoding/json writes it.
func schemaOf(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[verify.Number]():
		return map[string]any{"anyOf": []any{map[string]any{"type": "number"}, map[string]any{"enum": []any{"NaN", "Inf", "-Inf"}}}}
	case t == reflect.TypeFor[json.RawMessage](), t.Kind() == reflect.Interface:
		return map[string]any{}
	}
	switch t.Kind() {
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Pointer:
		return map[string]any{"anyOf": []any{map[string]any{"type": "null"}, schemaOf(t.Elem())}}
	case reflect.Slice:
		return map[string]any{"type": []any{"array", "null"}, "items": schemaOf(t.Elem())}
	case reflect.Array:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Map:
		return map[string]any{"type": []any{"object", "null"}, "additionalProperties": schemaOf(t.Elem())}
	case reflect.Struct:
		properties, required := map[string]any{}, []any{}
		fields(t, properties, &required)
		return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	}
	return map[string]any{"type": "integer"}
}

func fields(t reflect.Type, properties map[string]any, required *[]any) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		of := f.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		switch {
		case tag == "-":
			continue
		case f.Anonymous && tag == "" && of.Kind() == reflect.Struct:
			fields(of, properties, required)
			continue
		case !f.IsExported():
			continue
		case tag == "":
			tag = f.Name
		}
		properties[tag] = schemaOf(f.Type)
		if !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") {
			*required = append(*required, tag)
		}
	}
}

// TestSchemas compares the schemas with the types; go test ./cmd -run TestSchemas -update writes
// them.
func TestSchemas(t *testing.T) {
	for name, kinds := range results {
		var kindsOf []any
		for _, k := range kinds {
			kindsOf = append(kindsOf, schemaOf(reflect.TypeOf(k)))
		}
		schema := map[string]any{"anyOf": kindsOf}
		if len(kindsOf) == 1 {
			schema = kindsOf[0].(map[string]any)
		}
		schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
		schema["title"] = "alexctl " + strings.ReplaceAll(name, "-", " ") + " --json"
		want, err := json.MarshalIndent(schema, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, '\n')
		path := filepath.Join(schemaFolder, name+".schema.json")
		if *update {
			if err := os.MkdirAll(schemaFolder, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the program prints (go test ./cmd -run TestSchemas -update writes it): %v", path, err)
		}
	}
}

// TestResultsFitTheirSchemas runs commands and holds each line that they print to its schema.
func TestResultsFitTheirSchemas(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains")
	}
	needsORT(t)
	images, err := filepath.Abs("../testdata/images")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, c := range []struct {
		name, line string
		code       int
	}{
		{"build", "build --variant cifar -o m.onnx", 0},
		{"build", "build --variant cifar --channels 1 -o grey.onnx", 0},
		{"check", "check m.onnx", 0},
		{"inspect", "inspect m.onnx", 0},
		{"verify", "verify m.onnx --layers", 0},
		{"verify", "verify m.onnx --against grey.onnx", 1},
		{"verify", "verify grey.onnx --gradients", 0},
		{"verify", "verify grey.onnx --data sample --engine gorgonia --limit 2", 0},
		{"infer", "infer -m m.onnx " + images + "/cat.jpg missing.jpg", 4},
		{"eval", "eval grey.onnx --data sample --limit 8 --engine gorgonia", 0},
		{"bench", "bench m.onnx --seconds 0.05 --no-peak --train --layers --batch 2", 0},
		{"train", "train --epochs 1 --limit 64 --run r -o t.onnx", 0},
		{"train", "train --limit 64 --dry-run", 0},
		{"data", "data", 0},
		{"doctor", "doctor", 0},
		{"setup", "setup", 0},
		{"version", "version", 0},
	} {
		schema, err := jsonschema.NewCompiler().Compile(filepath.Join(schemaFolder, c.name+".schema.json"))
		if err != nil {
			t.Fatal(err)
		}
		code, out := shell(t, dir, os.Environ(), "alexctl -q --json "+c.line+" 2>/dev/null")
		lines := 0
		for line := range strings.Lines(out) {
			lines++
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
			if err == nil {
				err = schema.Validate(v)
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", c.line, err, abridged(line, 500))
			}
		}
		if code != c.code || lines == 0 {
			t.Errorf("%s: exit code %d, want %d, and %d lines", c.line, code, c.code, lines)
		}
	}
}
