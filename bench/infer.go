package main

import (
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	goruntime "runtime"
	"time"

	"golang.org/x/image/draw"

	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/ort"
)

// inferBatch is the batch size that alexctl infer uses by default.
const inferBatch = 16

// infer compares alexctl infer on JPEG files, from reading them to printing the
// classes, with ONNX Runtime alone on tensors that are ready.
func (b *bench) infer(ctx context.Context) error {
	photos := filepath.Join(b.dir, "photos")
	if err := makePhotos(photos, b.photos); err != nil {
		return err
	}
	model := filepath.Join(b.dir, "zhihu.onnx")
	if _, err := measure(ctx, b.alexctl, "build", "--input", "227", "-q", "-o", model); err != nil {
		return err
	}
	var whole, bare []sample
	for range b.rounds {
		s, err := measure(ctx, b.alexctl, "infer", "-q", "--json", "--model", model, photos)
		if err != nil {
			return err
		}
		whole = append(whole, s)
		if s.seconds, err = bareRun(ctx, model, b.photos); err != nil {
			return err
		}
		bare = append(bare, s)
	}
	n := float64(b.photos)
	w, r := median(whole, seconds), median(bare, seconds)
	fmt.Printf("%d photographs, %d processors\n", b.photos, goruntime.GOMAXPROCS(0))
	fmt.Printf("alexctl infer, whole process      median %6.2f s, %5.1f images/s, peak %.0f MB\n", w, n/w, median(whole, peak))
	fmt.Printf("ONNX Runtime on ready tensors     median %6.2f s, %5.1f images/s\n", r, n/r)
	fmt.Printf("ratio of the rates                %.2f\n", r/w)
	return nil
}

// bareRun times ONNX Runtime on random tensors, without loading the model.
func bareRun(ctx context.Context, path string, images int) (float64, error) {
	m, err := onnx.Open(path)
	if err != nil {
		return 0, err
	}
	e, err := ort.New(ort.Config{})
	if err != nil {
		return 0, err
	}
	s, err := e.Prepare(ctx, m)
	if err != nil {
		return 0, err
	}
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]float32, inferBatch*3*227*227)
	for i := range data {
		data[i] = float32(r.NormFloat64())
	}
	x := runtime.Tensors{"input": {Type: onnx.Float, Shape: []int{inferBatch, 3, 227, 227}, Data: data}}
	start := time.Now()
	for done := 0; done < images; done += inferBatch {
		if _, err := s.Run(ctx, x); err != nil {
			return 0, err
		}
	}
	elapsed := time.Since(start).Seconds()
	if err := s.Close(); err != nil {
		return 0, err
	}
	return elapsed, m.Close()
}

// makePhotos writes JPEG files of about 500x375: random crops of the photographs in
// testdata, enlarged where they are smaller.
func makePhotos(dir string, count int) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join("testdata", "images", "*.jpg"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no photographs in testdata/images: %w", err)
	}
	var sources []image.Image
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		m, err := jpeg.Decode(f)
		if err != nil {
			return err
		}
		sources = append(sources, m)
		if err := f.Close(); err != nil {
			return err
		}
	}
	r := rand.New(rand.NewPCG(7, 7))
	for i := range count {
		src := sources[i%len(sources)]
		w, h := 480+r.IntN(40), 360+r.IntN(30)
		size := src.Bounds().Size()
		crop := image.Rect(0, 0, min(size.X, w*3/4), min(size.Y, h*3/4))
		crop = crop.Add(image.Pt(r.IntN(size.X-crop.Dx()+1), r.IntN(size.Y-crop.Dy()+1)))
		dst := image.NewRGBA(image.Rect(0, 0, w, h))
		draw.BiLinear.Scale(dst, dst.Bounds(), src, crop, draw.Src, nil)
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%04d.jpg", i)))
		if err != nil {
			return err
		}
		if err := jpeg.Encode(f, dst, &jpeg.Options{Quality: 90}); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
