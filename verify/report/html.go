package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"alexctl/verify"
)

//go:embed report.html.tmpl
var source string

// HTML writes one file that a browser shows without network: the verdict first, then the
// engines, every layer's margin as a chart, the worst tensor as a histogram and a heat map,
// the environment, and how to do it again.
func HTML(w io.Writer, r Report) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"shape": func(s []int) string { return strings.ReplaceAll(strings.Trim(fmt.Sprint(s), "[]"), " ", "×") },
		"index": func(s []int) string { return strings.ReplaceAll(fmt.Sprint(s), " ", ", ") },
		"over":  func(m verify.Number) bool { return m > 1 },
		"chart": chart,
		"histogram": func(t *verify.Tensor) template.HTML {
			return histogram(t.Margins)
		},
		"heat":   heat,
		"bounds": bounds,
	}).Parse(source)
	if err != nil {
		return err
	}
	short, long := Verdict(r)
	return t.Execute(w, struct {
		Report
		Short, Long string
		Good        bool
	}{r, short, long, r.OK})
}

// Range of the charts: margins from 1e-5, below which a bar has no length, to 1e3.
const (
	least  = -5.0
	most   = 3.0
	barMax = 100.0 // percent
)

// place returns where a margin lies on the logarithmic axis, in percent.
func place(margin float64) float64 {
	if margin <= 0 || math.IsNaN(margin) {
		return 0
	}
	return min(max((math.Log10(margin)-least)/(most-least), 0.004), 1) * barMax
}

// chart draws a bar for each layer. Its labels are ordinary text, so that a narrow screen
// can wrap them.
func chart(layers []verify.Layer) template.HTML {
	var b strings.Builder
	b.WriteString(`<div class="chart" role="img" aria-label="margin of each layer">`)
	for _, l := range layers {
		class := "bar"
		if l.Local.Margin > 1 {
			class = "bar bad"
		}
		text := l.Local.Margin.String()
		if l.Local.Margin == 0 {
			text = "exact"
		}
		fmt.Fprintf(&b, `<div class="row"><span class="name">%s <i>%s</i></span><span class="track"><span class="%s" style="width:%.1f%%"></span><span class="one" style="left:%.1f%%"></span></span><span class="value">%s</span></div>`,
			template.HTMLEscapeString(l.Node), template.HTMLEscapeString(l.Op), class, place(float64(l.Local.Margin)), place(1), template.HTMLEscapeString(text))
	}
	b.WriteString(`</div>`)
	return template.HTML(b.String()) //nolint:gosec // every text in it is escaped
}

// bins is how many bars a histogram has: half a decade each.
const bins = 16

// histogram counts the elements by their margin.
func histogram(margins []float64) template.HTML {
	var count [bins]int
	zero, largest := 0, 1
	for _, m := range margins {
		if m == 0 {
			zero++
			continue
		}
		i := bins - 1 // what is not finite
		if v := math.Log10(m); !math.IsNaN(v) && !math.IsInf(v, 0) {
			i = min(max(int((v-least)/(most-least)*bins), 0), bins-1)
		}
		count[i]++
		largest = max(largest, count[i])
	}
	const width, height = 320.0, 120.0
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" class="plot" role="img" aria-label="histogram of margins">`, width, height+24)
	for i, n := range count {
		if n == 0 {
			continue
		}
		h := max(1, height*math.Log1p(float64(n))/math.Log1p(float64(largest)))
		class := "good"
		if float64(i) >= -least/(most-least)*bins {
			class = "wrong"
		}
		fmt.Fprintf(&b, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%d elements</title></rect>`,
			class, float64(i)*width/bins+1, height-h, width/bins-2, h, n)
	}
	for e := int(least); e <= int(most); e += 2 {
		fmt.Fprintf(&b, `<text x="%.1f" y="%g" text-anchor="middle">1e%d</text>`, min(max((float64(e)-least)/(most-least)*width, 12), width-12), height+16, e)
	}
	b.WriteString(`</svg>`)
	if zero > 0 {
		fmt.Fprintf(&b, `<p class="note">%d of %d elements have no error and are not drawn.</p>`, zero, len(margins))
	}
	return template.HTML(b.String()) //nolint:gosec // numbers only
}

// cells is the largest side of a heat map.
const cells = 48

// heat draws the worst margins of a tensor on a grid: rows are the images and channels, or
// the first axes, columns what is left of the shape.
func heat(t *verify.Tensor) template.HTML {
	rows, columns := sides(t.Layer.Shape, len(t.Margins))
	if rows == 0 || columns == 0 {
		return ""
	}
	h, w := min(rows, cells), min(columns, cells)
	grid := make([]float64, h*w)
	for i, m := range t.Margins {
		k := i/columns*h/rows*w + i%columns*w/columns
		if math.IsNaN(m) {
			m = math.Inf(1)
		}
		grid[k] = max(grid[k], m)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" class="plot heat" shape-rendering="crispEdges" preserveAspectRatio="none" role="img" aria-label="heat map of margins">`, w, h)
	for k, m := range grid {
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="1" height="1" fill="%s"><title>%.3g</title></rect>`, k%w, k/w, colour(m), m)
	}
	fmt.Fprintf(&b, `</svg><p class="note">%d rows × %d columns, each cell the worst of its elements.</p>`, rows, columns)
	return template.HTML(b.String()) //nolint:gosec // numbers only
}

// sides folds a shape into two.
func sides(shape []int, n int) (rows, columns int) {
	if n == 0 {
		return 0, 0
	}
	rows = 1
	for _, d := range shape[:len(shape)-min(len(shape), 1+len(shape)/4)] {
		rows *= d
	}
	return rows, n / max(1, rows)
}

// colour runs from near white through blue to dark, and is red above 1.
func colour(margin float64) string {
	if margin > 1 {
		return "#c62828"
	}
	p := place(margin) / place(1)
	return fmt.Sprintf("hsl(212,70%%,%.0f%%)", 96-62*p)
}
