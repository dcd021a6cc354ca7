package cmd_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
)

// mkimages writes a folder of images of one colour: mkimages FOLDER CLASS..., or
// mkimages FOLDER N for N classes.
func mkimages(args []string) int {
	classes := args[1:]
	if n, err := strconv.Atoi(classes[0]); err == nil {
		classes = nil
		for i := range n {
			classes = append(classes, fmt.Sprintf("class%02d", i))
		}
	}
	for c, class := range classes {
		dir := filepath.Join(args[0], class)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		for i := range 6 {
			m := image.NewRGBA(image.Rect(0, 0, 40, 36))
			for k := range m.Bounds().Dx() * m.Bounds().Dy() {
				shade := uint8(40 + 10*i + k%7)
				pixel := color.RGBA{R: shade, G: uint8(255 * c / len(classes)), B: shade, A: 255}
				if c%2 == 0 {
					pixel.R = 220
				}
				m.Set(k%40, k/40, pixel)
			}
			var b bytes.Buffer
			if err := png.Encode(&b, m); err != nil {
				return 1
			}
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.png", i)), b.Bytes(), 0o644); err != nil {
				return 1
			}
		}
	}
	return 0
}
