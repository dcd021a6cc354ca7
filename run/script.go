package run

import (
	"fmt"
	"image"
	"math"
	"unicode"

	"github.com/hajimehoshi/bitmapfont/v3"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/language"
	plotfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// anyScript draws what the plot's own font has with it, and other lines from a font of bitmaps, dot
// by dot, which knows Chinese, Japanese, Korean, Arabic and more.
type anyScript struct{ text.Handler }

// emDots is how many dots of the bitmaps are as high as the font's size.
const emDots = 12

// outlined reports whether the plot's own font has each character.
func (a anyScript) outlined(line string, f plotfont.Font) bool {
	face := a.Cache().Lookup(f, f.Size)
	var buf sfnt.Buffer
	for _, r := range line {
		if i, err := face.Face.GlyphIndex(&buf, r); err != nil || i == 0 {
			return false
		}
	}
	return true
}

// bitmapped reports whether the font of bitmaps has each character.
func bitmapped(line string) bool {
	for _, r := range shaped(line) {
		to, mask, from, _, ok := bitmapfont.Face.Glyph(fixed.Point26_6{}, r)
		if !unicode.IsSpace(r) && !unicode.Is(unicode.Mn, r) && (!ok || !inked(to, mask, from)) {
			return false
		}
	}
	return true
}

// inked reports whether a glyph has a dot: one that the font lacks is blank.
func inked(to image.Rectangle, mask image.Image, from image.Point) bool {
	for y := range to.Dy() {
		for x := range to.Dx() {
			if dotted(mask, from.X+x, from.Y+y) {
				return true
			}
		}
	}
	return false
}

func dotted(mask image.Image, x, y int) bool {
	_, _, _, alpha := mask.At(x, y).RGBA()
	return alpha >= 0x8000
}

// named returns the classes as they can be drawn: one in a script of neither font is its number.
func (a anyScript) named(classes []string, f plotfont.Font) []string {
	out := make([]string, len(classes))
	for i, name := range classes {
		if out[i] = name; !a.outlined(name, f) && !bitmapped(name) {
			out[i] = fmt.Sprintf("class %d", i)
		}
	}
	return out
}

// Box returns the size of a line.
func (a anyScript) Box(line string, f plotfont.Font) (width, height, depth vg.Length) {
	width, height, depth = a.Handler.Box(line, f)
	if !a.outlined(line, f) {
		width = vg.Length(font.MeasureString(bitmapfont.Face, shaped(line)).Ceil()) * f.Size / emDots
	}
	return width, height, depth
}

// shaped joins Arabic's letters and puts lines that are read from the right in order.
func shaped(line string) string {
	direction := bitmapfont.DirectionLeftToRight
	for _, r := range line {
		if unicode.In(r, unicode.Arabic, unicode.Hebrew) {
			direction = bitmapfont.DirectionRightToLeft
		}
	}
	return bitmapfont.PresentationForms(line, direction, language.Und)
}

// Draw draws text, as text.Plain does, which has the alignment and the rotation from it.
func (a anyScript) Draw(c vg.Canvas, txt string, sty text.Style, pt vg.Point) {
	if a.outlined(txt, sty.Font) {
		a.Handler.Draw(c, txt, sty, pt)
		return
	}
	c.SetColor(sty.Color)
	if sty.Rotation != 0 {
		c.Push()
		defer c.Pop()
		c.Rotate(sty.Rotation)
	}
	sin, cos := math.Sincos(sty.Rotation)
	pt.X, pt.Y = pt.Y*vg.Length(sin)+pt.X*vg.Length(cos), pt.Y*vg.Length(cos)-pt.X*vg.Length(sin)
	width, height, _ := a.Box(txt, sty.Font)
	pt.X += width * vg.Length(sty.XAlign)
	pt.Y += height * vg.Length(sty.YAlign)
	drawDots(c, shaped(txt), sty.Font.Size/emDots, pt)
}

// drawDots fills the dots of a line, whose baseline begins at a point.
func drawDots(c vg.Canvas, line string, dot vg.Length, at vg.Point) {
	pen := fixed.Point26_6{}
	for _, r := range line {
		to, mask, from, advance, ok := bitmapfont.Face.Glyph(pen, r)
		pen.X += advance
		if !ok {
			continue
		}
		for y := range to.Dy() {
			for x := range to.Dx() {
				if !dotted(mask, from.X+x, from.Y+y) {
					continue
				}
				left, low := at.X+vg.Length(to.Min.X+x)*dot, at.Y-vg.Length(to.Min.Y+y+1)*dot
				var p vg.Path
				p.Move(vg.Point{X: left, Y: low})
				p.Line(vg.Point{X: left + dot, Y: low})
				p.Line(vg.Point{X: left + dot, Y: low + dot})
				p.Line(vg.Point{X: left, Y: low + dot})
				p.Close()
				c.Fill(p)
			}
		}
	}
}
