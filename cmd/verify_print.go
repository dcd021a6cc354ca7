package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"alexctl/diff"
	"alexctl/verify"
	"alexctl/verify/report"
)

// printReport prints the comparison of engines, as after training.
func (a *app) printReport(r *verify.Report) error {
	return a.printVerified(report.Report{Report: r}, false)
}

// printVerified prints a report.
func (a *app) printVerified(r report.Report, layers bool) error {
	if err := a.prose("%s (sha256 %.16s...), against %s in float64, %s\n\n", r.Model.Path, r.Model.SHA256, r.Reference, r.Inputs); err != nil {
		return err
	}
	switch {
	case r.Gradients != nil:
		return a.printAudit(r.Gradients)
	case r.Against != nil:
		return a.printAgainst(r, layers)
	}
	if err := a.printEngines(r.Report); err != nil {
		return err
	}
	shown := false
	for _, x := range r.Results {
		if layers && len(x.Layers) > 0 {
			shown = true
			if err := a.printMargins(&x); err != nil {
				return err
			}
		}
	}
	if shown {
		if err := a.print("\n"); err != nil {
			return err
		}
	}
	if err := a.printReasons(r.Report); err != nil {
		return err
	}
	verdict := "verified: every output agrees"
	if r.IllConditioned {
		verdict = "verified layer by layer only: what an output is hangs on rounding, so its agreement means little"
	}
	switch {
	case r.Disagrees():
		verdict = "MISMATCH: the engines do not agree"
	case r.Failed():
		verdict = "NOT NUMBERS: outputs are NaN or infinite (--allow-nonfinite accepts that)"
	case r.Skipped():
		verdict = "not fully verified: an engine could not be used, or there was nothing to compare"
	}
	return a.printVerdict(verdict)
}

// printEngines prints a line for each output of each engine.
func (a *app) printEngines(r *verify.Report) error {
	numbers := []string{"max abs error", "scaled error", "bound", "margin", "worst layer"}
	t := newTable(table.Row{"engine", "provider", "settings", "output", "max abs error", "scaled error", "bound", "margin", "worst layer", "verdict"}, numbers...).
		wrapping("scaled error", "worst layer", "bound", "max abs error", "provider", "output")
	for _, x := range r.Results {
		worst := ""
		if len(x.Kinds) > 0 {
			worst = slices.MaxFunc(x.Kinds, func(a, b verify.Kind) int {
				switch {
				case a.Margin < b.Margin:
					return -1
				case a.Margin > b.Margin:
					return 1
				}
				return 0
			}).Margin.String()
		}
		if len(x.Outputs) == 0 {
			t.AppendRow(table.Row{x.Engine, x.Provider, x.Settings, "", "", "", "", "", "", x.Status})
		}
		for _, out := range x.Outputs {
			verdict := x.Status
			switch {
			case out.Margin > 1:
				verdict = verify.Fail
			case x.Status == verify.Fail && x.First != nil && x.First.Local.Margin > 1:
				verdict = verify.Fail + " (layers)"
			case x.Status == verify.Fail:
				verdict = verify.Pass
			}
			t.AppendRow(table.Row{x.Engine, x.Provider, x.Settings, out.Name, out.MaxAbs.String(), out.Scaled.String(), out.Bound.String(), out.Margin.String(), worst, verdict})
		}
	}
	if err := a.printTable(t); err != nil {
		return err
	}
	a.say("margin is error / bound on rounding, above 1 is a mismatch; reference %.2f s, bounds %.2f s per input, for all engines", r.Timing.Reference, r.Timing.Bounds)
	for _, x := range r.Results {
		if x.Status != verify.Skipped && x.Engine != "recorded" {
			a.say("%s: loading %.2f s, a run %.3f s", x.Name(), x.Load, x.Run)
		}
	}
	return nil
}

// printMargins prints every layer of one engine.
func (a *app) printMargins(x *verify.Result) error {
	if err := a.print("\n%s\n", x.Name()); err != nil {
		return err
	}
	t := newTable(table.Row{"layer", "op", "shape", "error", "bound", "margin", "cumulative error", "cumulative margin", ""},
		"error", "bound", "margin", "cumulative error", "cumulative margin").sparing("cumulative error", "bound", "shape", "cumulative margin", "op")
	for _, l := range x.Layers {
		mark := ""
		if x.First != nil && l.Output == x.First.Output {
			mark = "<- first divergence"
		} else if l.Local.Margin > 1 {
			mark = "fail"
		}
		row := table.Row{l.Node, l.Op, fmt.Sprint(l.Shape), l.Local.Error.String(), l.Local.Bound.String(), l.Local.Margin.String(), "", "", mark}
		if l.Cumulative != nil {
			row[6], row[7] = l.Cumulative.Error.String(), l.Cumulative.Margin.String()
		}
		t.AppendRow(row)
	}
	return a.printTable(t)
}

// printReasons says what failed, decided otherwise or was skipped.
func (a *app) printReasons(r *verify.Report) error {
	for _, x := range r.Results {
		if d := x.Decision; d != nil {
			excused := 0
			for _, f := range d.Flips {
				if f.Excused {
					excused++
				}
			}
			line := fmt.Sprintf("%s: the best class agrees on %d of %s", x.Name(), d.Top1, counted(d.Images, "image"))
			if d.Five() {
				line += fmt.Sprintf(", the best five on %d", d.Top5)
			}
			if len(d.Flips) > 0 {
				line += fmt.Sprintf("; %s, %d of them within rounding", counted(len(d.Flips), "difference"), excused)
			}
			if err := a.prose("%s\n", line); err != nil {
				return err
			}
		}
		if x.Reason == "" {
			continue
		}
		if err := a.prose("%s %s: %s\n", x.Name(), x.Status, x.Reason); err != nil {
			return err
		}
		if len(x.Help) > 0 {
			a.say("hint: %s", hintsOf("verify", x.Help))
		}
		if x.First != nil && !strings.Contains(x.Reason, "first divergence") {
			if err := a.prose("  first divergence at %s, margin %.3g\n", x.First, float64(x.First.Local.Margin)); err != nil {
				return err
			}
		}
	}
	if b := r.Bisected; b != nil {
		if err := a.prose("%s fails by itself on %s (margin %.3g) and was written to %s\n", strings.Join(b.Nodes, ", "), b.Engine, float64(b.Margin), b.Folder); err != nil {
			return err
		}
	}
	for _, n := range r.Nonfinite {
		if err := a.prose("%s\n", n); err != nil {
			return err
		}
	}
	for _, s := range r.Unchecked {
		a.say("not checked: %s", s)
	}
	return nil
}

// printAgainst prints one model against another.
func (a *app) printAgainst(r report.Report, layers bool) error {
	d := r.Against
	t := newTable(table.Row{"where", "what", "difference"})
	for _, f := range d.Findings {
		t.AppendRow(table.Row{f.Where, f.Kind, f.What})
	}
	if len(d.Findings) > 0 {
		if err := a.printTable(t); err != nil {
			return err
		}
	}
	for _, s := range d.Remarks {
		if err := a.prose("%s\n", s); err != nil {
			return err
		}
	}
	if layers {
		t := newTable(table.Row{"layer", "op", "in the other model", "margin"}, "margin")
		for _, l := range d.Layers {
			margin := "not compared"
			if l.Compared {
				margin = l.Margin.String()
			}
			t.AppendRow(table.Row{l.Node, l.Op, l.Other, margin})
		}
		if err := a.printTable(t); err != nil {
			return err
		}
	}
	for _, out := range d.Outputs {
		if err := a.prose("output %q differs by scaled %.3g (margin %.3g: above 1 is more than rounding explains)\n", out.Name, float64(out.Scaled), float64(out.Margin)); err != nil {
			return err
		}
	}
	for _, s := range r.Unchecked {
		a.say("not checked: %s", s)
	}
	verdict := map[string]string{
		diff.Identical:  "identical: the same nodes, attributes and weights as " + d.Other.Path,
		diff.Equivalent: "equivalent: other nodes or attributes than " + d.Other.Path + ", and every output agrees within rounding on these inputs",
		diff.Uncompared: "not compared with " + d.Other.Path + ": no node, attribute or weight differs, and the values could not be computed",
		diff.Different:  "DIFFERENT from " + d.Other.Path + ": first divergence at " + d.First,
	}[d.Verdict]
	return a.printVerdict(verdict)
}

// printAudit prints the gradients.
func (a *app) printAudit(g *verify.Audit) error {
	t := newTable(table.Row{"parameter", "elements", "norm", "derivative", "finite difference", "error", "verdict"}, "elements", "norm", "derivative", "finite difference", "error").sparing("norm", "elements", "finite difference", "derivative")
	for _, p := range g.Parameters {
		verdict := verify.Pass
		if p.Unseen {
			verdict = "too small to tell"
		}
		if !p.OK {
			verdict = verify.Fail
		}
		t.AppendRow(table.Row{p.Name, thousands(int64(p.Elements)), p.Norm.String(), fmt.Sprintf("%.6g", float64(p.Got)), fmt.Sprintf("%.6g", float64(p.Want)), p.Error.String(), verdict})
	}
	if err := a.printTable(t); err != nil {
		return err
	}
	line := fmt.Sprintf("verified: the gradients of %s agree with finite differences (loss %.6g, %s, tolerance %g)", g.Engine, float64(g.Loss), counted(g.Images, "image"), g.Tolerance)
	if !g.OK {
		line = "MISMATCH: " + g.Reason
	}
	return a.printVerdict(line)
}
