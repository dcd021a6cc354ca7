package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"alexctl/builder"
	"alexctl/classify"
	"alexctl/runtime/gorgonia"
)

func TestHandler(t *testing.T) {
	v, err := builder.Find("cifar")
	if err != nil {
		t.Fatal(err)
	}
	m, err := v.Build(builder.Options{Labels: []string{"cat", "dog"}, Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	c, err := classify.New(t.Context(), m, gorgonia.Engine{}, classify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	server := httptest.NewServer(handler(c))
	defer server.Close()
	picture, err := os.ReadFile("../../testdata/images/cat.jpg")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		body []byte
		code int
		want string
	}{{picture, http.StatusOK, `"label":"cat"`}, {[]byte("no picture"), http.StatusBadRequest, "not an image"}} {
		r, err := http.Post(server.URL, "application/octet-stream", bytes.NewReader(x.body))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		_ = r.Body.Close()
		if r.StatusCode != x.code || !strings.Contains(b.String(), x.want) {
			t.Errorf("answer %d: %s", r.StatusCode, b.String())
		}
	}
}
