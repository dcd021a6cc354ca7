package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"alexctl/verify"
)

// suites is JUnit's document, as continuous integration reads it.
type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Suites   []suite  `xml:"testsuite"`
}

type suite struct {
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Skipped  int        `xml:"skipped,attr"`
	Time     string     `xml:"time,attr"`
	Cases    []testCase `xml:"testcase"`
	Out      string     `xml:"system-out,omitempty"` // what was not checked
}

type testCase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Failure *failure `xml:"failure,omitempty"`
	Skipped *failure `xml:"skipped,omitempty"`
}

type failure struct {
	Message string `xml:"message,attr"`
}

func (s *suite) add(name, failed, skipped string) {
	c := testCase{Class: s.Name, Name: name}
	s.Tests++
	switch {
	case failed != "":
		c.Failure = &failure{clean(failed)}
		s.Failures++
	case skipped != "":
		c.Skipped = &failure{clean(skipped)}
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// clean drops what XML cannot hold.
func clean(s string) string { return strings.ToValidUTF8(s, "?") }

// JUnit writes a test for each engine, output and layer.
func JUnit(w io.Writer, r Report) error {
	all := suites{Name: clean("alexctl verify " + r.Model.Path)}
	for _, x := range r.Results {
		s := suite{Name: clean(x.Name()), Time: fmt.Sprintf("%.3f", x.Load+x.Run)}
		reason := ""
		if x.Status == verify.Fail {
			reason = x.Reason
		}
		skipped := ""
		if x.Status == verify.Skipped {
			skipped = x.Reason
		}
		s.add("agrees", reason, skipped)
		for _, o := range x.Outputs {
			s.add(clean("output "+o.Name), over(o.Margin, "output"), "")
		}
		for _, l := range x.Layers {
			s.add(clean("layer "+l.Node), over(l.Local.Margin, "layer"), "")
		}
		all.Suites = append(all.Suites, s)
	}
	if len(r.Nonfinite) > 0 && !r.NonfiniteAllowed {
		s := suite{Name: "reference", Time: "0"}
		for _, n := range r.Nonfinite {
			s.add(clean("finite "+n.Output), n.String(), "")
		}
		all.Suites = append(all.Suites, s)
	}
	if d := r.Against; d != nil {
		s := suite{Name: clean("against " + d.Other.Path), Time: "0"}
		s.add("same", map[bool]string{false: "first divergence at " + d.First}[d.OK], "")
		for i, f := range d.Findings {
			s.add(clean(fmt.Sprintf("%d %s", i+1, f.Where)), f.What, "")
		}
		all.Suites = append(all.Suites, s)
	}
	if g := r.Gradients; g != nil {
		s := suite{Name: clean("gradients of " + g.Engine), Time: "0"}
		for _, p := range g.Parameters {
			s.add(clean(p.Name), map[bool]string{false: fmt.Sprintf("error %.3g, at most %g allowed", float64(p.Error), g.Tolerance)}[p.OK], "")
		}
		all.Suites = append(all.Suites, s)
	}
	if len(all.Suites) > 0 && len(r.Unchecked) > 0 {
		all.Suites[0].Out = clean("not checked:\n" + strings.Join(r.Unchecked, "\n"))
	}
	for _, s := range all.Suites {
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Skipped += s.Skipped
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func over(margin verify.Number, what string) string {
	if margin > 1 {
		return fmt.Sprintf("the error of the %s is %.3g times what rounding explains", what, float64(margin))
	}
	return ""
}
