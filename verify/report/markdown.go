package report

import (
	"fmt"
	"io"
	"strings"

	"alexctl/diff"
	"alexctl/verify"
)

// cell keeps a text in its cell.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", "`", "'").Replace(s)
}

// page collects Markdown.
type page struct{ b strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.b, format+"\n", args...) }

func (p *page) table(header []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	p.line("| %s |", strings.Join(header, " | "))
	p.line("|%s", strings.Repeat("---|", len(header)))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, s := range row {
			cells[i] = cell(s)
		}
		p.line("| %s |", strings.Join(cells, " | "))
	}
	p.line("")
}

// Markdown writes the report for an issue or a pull request.
func Markdown(w io.Writer, r Report) error {
	p := &page{}
	short, long := Verdict(r)
	p.line("# %s: %s\n\n%s\n", cell(r.Model.Path), short, cell(long))
	p.line("- model sha256 `%s`\n- reference: %s in float64\n- inputs: %s\n- bounds: %s", r.Model.SHA256, r.Reference, cell(r.Inputs), bounds(r))
	if r.Time != "" {
		p.line("- made %s by `%s`", r.Time, cell(r.Command))
	}
	p.line("")
	for _, n := range r.Nonfinite {
		p.line("**Not numbers.** %s\n", cell(n.String()))
	}
	p.engines(r)
	if b := r.Bisected; b != nil {
		p.line("%s fails by itself on %s (margin %s); it is in the folder %s\n", cell(strings.Join(b.Nodes, ", ")), b.Engine, b.Margin.String(), cell(b.Folder))
	}
	p.against(r.Against)
	p.gradients(r.Gradients)
	if len(r.Unchecked) > 0 {
		p.line("## Not checked\n")
		for _, s := range r.Unchecked {
			p.line("- %s", cell(s))
		}
		p.line("")
	}
	if len(r.Environment) > 0 {
		p.line("## Environment\n")
		for _, f := range r.Environment {
			p.line("- %s: %s", cell(f.Name), cell(f.Value))
		}
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

func bounds(r Report) string {
	if r.Bound.Kind == "tolerance" {
		return "tolerance " + r.Bound.Tolerance
	}
	return fmt.Sprintf("derived, %g standard deviations", r.Bound.Deviations)
}

func (p *page) engines(r Report) {
	if len(r.Results) == 0 {
		return
	}
	p.line("## Engines\n")
	var rows [][]string
	for _, x := range r.Results {
		if len(x.Outputs) == 0 {
			rows = append(rows, []string{x.Name(), "", "", "", "", x.Status})
		}
		for _, o := range x.Outputs {
			rows = append(rows, []string{x.Name(), o.Name, o.MaxAbs.String(), o.Scaled.String(), o.Margin.String(), x.Status})
		}
	}
	p.table([]string{"engine", "output", "max abs error", "scaled error", "margin", "verdict"}, rows)
	for _, x := range r.Results {
		if x.Reason != "" {
			p.line("**%s** %s: %s\n", x.Name(), x.Status, cell(x.Reason))
		}
		if d := x.Decision; d != nil {
			five := ""
			if d.Five() {
				five = fmt.Sprintf(", %d (best five)", d.Top5)
			}
			p.line("**%s** decides as the reference on %d of %d images (best class)%s\n", x.Name(), d.Top1, d.Images, five)
		}
		for provider, n := range x.Placement {
			p.line("**%s** ran %d nodes on %s, by its own profile\n", x.Name(), n, provider)
		}
		var layers [][]string
		for _, l := range x.Layers {
			cumulative := ""
			if l.Cumulative != nil {
				cumulative = l.Cumulative.Margin.String()
			}
			layers = append(layers, []string{l.Node, l.Op, fmt.Sprint(l.Shape), l.Local.Margin.String(), cumulative})
		}
		if len(layers) > 0 {
			p.line("### Layers of %s\n", x.Name())
			p.table([]string{"layer", "operator", "shape", "margin", "cumulative margin"}, layers)
		}
	}
}

func (p *page) against(d *diff.Diff) {
	if d == nil {
		return
	}
	p.line("## Against %s (sha256 `%s`)\n", cell(d.Other.Path), d.Other.SHA256)
	var rows [][]string
	for _, f := range d.Findings {
		rows = append(rows, []string{f.Where, f.Kind, f.What})
	}
	p.table([]string{"where", "kind", "difference"}, rows)
	for _, s := range d.Remarks {
		p.line("- %s", cell(s))
	}
	rows = nil
	for _, o := range d.Outputs {
		rows = append(rows, []string{o.Name, o.MaxAbs.String(), o.Scaled.String(), o.Margin.String()})
	}
	p.table([]string{"output", "max abs difference", "scaled", "margin"}, rows)
}

func (p *page) gradients(g *verify.Audit) {
	if g == nil {
		return
	}
	p.line("## Gradients of %s\n", g.Engine)
	var rows [][]string
	for _, x := range g.Parameters {
		verdict := verify.Pass
		if !x.OK {
			verdict = verify.Fail
		}
		rows = append(rows, []string{x.Name, fmt.Sprint(x.Elements), x.Got.String(), x.Want.String(), x.Error.String(), verdict})
	}
	p.table([]string{"parameter", "elements", "derivative", "finite difference", "error", "verdict"}, rows)
}
