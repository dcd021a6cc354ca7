package run

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"alexctl/train"
)

// Sizes of the pictures in a run's folder.
const (
	curveWidth  = 7 * vg.Inch
	curveHeight = 4.5 * vg.Inch
)

// The colours of the two curves: blue and orange, which everyone can tell apart.
var (
	trainColor = color.RGBA{R: 0, G: 114, B: 178, A: 255}
	valColor   = color.RGBA{R: 230, G: 159, B: 0, A: 255}
)

// curves draws loss.png and accuracy.png.
func (r record) curves(epochs []*train.EpochEvent) error {
	loss := func(e *train.EpochEvent) *float64 { return &e.TrainLoss }
	accuracy := func(e *train.EpochEvent) *float64 { return &e.TrainAccuracy }
	if err := r.curve(epochs, "loss.png", "loss", loss, func(e *train.EpochEvent) *float64 { return e.ValLoss }); err != nil {
		return err
	}
	return r.curve(epochs, "accuracy.png", "accuracy", accuracy, func(e *train.EpochEvent) *float64 { return e.ValAccuracy })
}

func (r record) curve(epochs []*train.EpochEvent, name, what string, learned, val func(*train.EpochEvent) *float64) error {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "epoch", what
	p.Legend.Top = true
	p.Legend.XOffs, p.Legend.YOffs = -vg.Points(6), -vg.Points(6)
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(epochTicks), plot.TickerFunc(plainTicks)
	p.Add(plotter.NewGrid())
	for _, c := range []struct {
		label string
		of    func(*train.EpochEvent) *float64
		color color.Color
	}{{"training (with dropout and augmentation)", learned, trainColor}, {"validation", val, valColor}} {
		var points plotter.XYs
		for _, e := range epochs {
			if v := c.of(e); v != nil {
				points = append(points, plotter.XY{X: float64(e.Epoch), Y: *v})
			}
		}
		if len(points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.Color, dots.Color, line.Width = c.color, c.color, vg.Points(1.5)
		p.Add(line, dots)
		p.Legend.Add(c.label, line, dots)
	}
	// Room for the legend above the curves, and around them.
	room := math.Max(p.Y.Max-p.Y.Min, 1e-3)
	p.Y.Min, p.Y.Max = p.Y.Min-0.05*room, p.Y.Max+0.25*room
	p.X.Min, p.X.Max = 0.5, float64(len(epochs))+0.5
	return r.draw(p, name, curveWidth, curveHeight)
}

// epochTicks marks whole epochs, about ten of them.
func epochTicks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	step := math.Max(1, math.Ceil((hi-lo)/10))
	for e := math.Ceil(lo); e <= hi; e += step {
		ticks = append(ticks, plot.Tick{Value: e, Label: strconv.Itoa(int(e))})
	}
	return ticks
}

// plainTicks marks about six values, at steps of 1, 2 or 5 in the last digit that is
// written.
func plainTicks(lo, hi float64) []plot.Tick {
	digits := math.Floor(math.Log10((hi - lo) / 3))
	step := math.Pow(10, digits)
	for _, factor := range []float64{2, 2.5} { // 1, 2, 5
		if (hi-lo)/step > 6 {
			step *= factor
		}
	}
	var ticks []plot.Tick
	for v := math.Ceil(lo/step) * step; v <= hi; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', int(max(0, -digits)), 64)})
	}
	return ticks
}

func (r record) draw(p *plot.Plot, name string, width, height vg.Length) error {
	w, err := p.WriterTo(width, height, "png")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		return err
	}
	return r.write(name, b.Bytes())
}

// matrix is a confusion matrix for a heat map, the first class at the top, each row
// in parts of its sum.
type matrix [][]int

func (m matrix) Dims() (c, r int)   { return len(m), len(m) }
func (m matrix) X(c int) float64    { return float64(c) }
func (m matrix) Y(r int) float64    { return float64(r) }
func (m matrix) row(r int) []int    { return m[len(m)-1-r] }
func (m matrix) Z(c, r int) float64 { return float64(m.row(r)[c]) / float64(max(1, total(m.row(r)))) }

func total(row []int) int {
	n := 0
	for _, v := range row {
		n += v
	}
	return n
}

// blues is a palette from white to a blue on which black numbers can be read.
type blues struct{}

func (blues) Colors() []color.Color {
	const steps = 64
	list := make([]color.Color, steps)
	for i := range list {
		fade := uint8(255 - 155*i/(steps-1))
		list[i] = color.RGBA{R: fade, G: uint8(255 - 85*i/(steps-1)), B: 255, A: 255}
	}
	return list
}

// maxNamed is how many classes a confusion matrix names.
const maxNamed = 40

// Tested draws confusion.png.
func (r record) Tested(e *train.Evaluation, classes []string) error {
	m := matrix(e.Confusion)
	p := plot.New()
	p.Title.Text = fmt.Sprintf("test accuracy %.2f%%", 100*e.Accuracy())
	p.X.Label.Text, p.Y.Label.Text = "predicted", "true"
	p.Add(plotter.NewHeatMap(m, blues{}))
	if len(m) > maxNamed {
		return r.draw(p, "confusion.png", 8*vg.Inch, 8*vg.Inch)
	}
	script := anyScript{p.TextHandler}
	names := script.named(classes, p.X.Tick.Label.Font)
	reversed := make([]string, len(classes))
	labels := plotter.XYLabels{}
	for i, name := range names {
		reversed[len(classes)-1-i] = name
		for c := range m {
			labels.XYs = append(labels.XYs, plotter.XY{X: float64(c), Y: float64(i)})
			labels.Labels = append(labels.Labels, fmt.Sprint(m.row(i)[c]))
		}
	}
	p.NominalX(names...)
	p.NominalY(reversed...)
	p.X.Tick.Label.Handler, p.Y.Tick.Label.Handler = script, script
	p.X.Tick.Label.Rotation = 0.8
	p.X.Tick.Label.XAlign = -1
	numbers, err := plotter.NewLabels(labels)
	if err != nil {
		return err
	}
	for i := range numbers.TextStyle {
		numbers.TextStyle[i].XAlign, numbers.TextStyle[i].YAlign = -0.5, -0.5
	}
	p.Add(numbers)
	side := vg.Length(max(6, 0.6*float64(len(m)))) * vg.Inch
	return r.draw(p, "confusion.png", side, side)
}
