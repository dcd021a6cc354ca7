// Command serve answers pictures that are posted to it with classes, as JSON: serve MODEL, and then
// curl --data-binary @picture.jpg localhost:8080.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"

	"alexctl/classify"
	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/preprocess"
	"alexctl/runtime/gorgonia"
)

func main() { log.Fatal(serve(os.Args[1], "localhost:8080")) }

func serve(model, address string) error {
	m, err := onnx.Open(model)
	if err != nil {
		return err
	}
	c, err := classify.New(context.Background(), m, gorgonia.Engine{}, classify.Options{})
	if err != nil {
		return err
	}
	s := &http.Server{Addr: address, Handler: handler(c), ReadHeaderTimeout: time.Minute}
	return s.ListenAndServe()
}

// handler classifies the picture in the body of a request. A Classifier is safe for many at once.
func handler(c *classify.Classifier) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found, err := c.Reader(r.Context(), http.MaxBytesReader(w, r.Body, preprocess.MaxFileBytes), 5)
		if err != nil {
			code := http.StatusInternalServerError
			if fault.KindOf(err) == fault.Invalid { // not a picture
				code = http.StatusBadRequest
			}
			http.Error(w, err.Error(), code)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(found); err != nil {
			log.Print(err)
		}
	})
}
