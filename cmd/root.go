// Package cmd is the command line: one file a command, with its flags, progress and
// tables. Results go to stdout, talk to stderr; errors become exit codes in one
// place, exit.go.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	goruntime "runtime"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"alexctl/fault"
	"alexctl/internal/nearest"
	"alexctl/internal/scratch"
	"alexctl/kernel"
	"alexctl/runtime/ort"
)

// defaultModel is the model that commands take where none is named.
const defaultModel = "alexnet.onnx"

// app is what every command shares: the streams and the global flags.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer

	args    []string // as they were given
	quiet   bool
	json    bool
	numbers []int // of threads, as they were given
	threads int   // the only one of them, or 0
	ortLib  string

	maxMemory byteSize // 0 for the machine's

	drawn atomic.Pointer[progress] // the last bar, nil for none

	unwritten error // of help, for which a library asks

	telemetry bool // whether ONNX Runtime may report to its maker
}

// Main runs alexctl and returns its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	scratch.Sweep()
	ctx, stop := interruptible()
	defer stop()
	a := &app{args: args, stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	o := ended(ctx, root, args)
	if o.err == nil {
		o.err = a.unwritten
	}
	a.undraw()
	return exitCode(stderr, o.command, o.err)
}

// execute runs the command and returns its name; a panic is an error too.
func execute(ctx context.Context, root *cobra.Command) (name string, err error) {
	defer fault.Recover(&err)
	c, err := root.ExecuteContextC(ctx)
	return c.Name(), err
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "alexctl",
		Short: "Build, train, check, verify and run AlexNet-family models as ONNX",
		Long: `alexctl builds AlexNet variants as ONNX models, trains any ONNX model and exports it
verified, checks and inspects models, verifies them on ONNX Runtime against a float64
reference, and runs them on images.`,
		Example: `  alexctl build --input 227 -o alexnet.onnx
  alexctl verify
  alexctl infer image.png`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          a.noSubcommand,
		RunE:          func(c *cobra.Command, _ []string) error { return a.help(c) },
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if a.telemetry {
				if err := os.Setenv(ort.TelemetryEnv, "0"); err != nil {
					return err
				}
			}
			a.useMemory()
			return a.useThreads(c.Name() == "bench")
		},
	}
	f := root.PersistentFlags()
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print only errors on stderr")
	f.BoolVar(&a.json, "json", false, "print the result as JSON")
	f.IntSliceVar(&a.numbers, "threads", nil, "number of threads; bench takes several numbers (default: one per processor; in verify, 1 for ONNX Runtime)")
	f.Var(&a.maxMemory, "max-memory", "the most memory to take, as 4GiB; what needs more is refused before it begins (default: three quarters of what this process may use)")
	f.StringVar(&a.ortLib, "ort-lib", "", "path of the ONNX Runtime library")
	f.BoolVar(&a.telemetry, "allow-telemetry", false, "let ONNX Runtime report to its maker what it is used for, which is off otherwise")
	root.SetGlobalNormalizationFunc(oneName)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(a.helpCommand(root))
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { a.unwritten = a.help(c) })
	root.AddCommand(
		a.buildCommand(),
		a.checkCommand(),
		a.inspectCommand(),
		a.verifyCommand(),
		a.benchCommand(),
		a.trainCommand(),
		a.evalCommand(),
		a.dataCommand(),
		a.inferCommand(),
		a.setupCommand(),
		a.doctorCommand(),
		a.versionCommand(),
		a.completionCommand(root),
	)
	complete(root)
	root.CompletionOptions.DisableDefaultCmd = true
	return root
}

// oneName gives flags that had several names one.
func oneName(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	switch name {
	case "engines":
		name = "engine"
	case "providers":
		name = "provider"
	case "threads-list":
		name = "threads"
	}
	return pflag.NormalizedName(name)
}

// maxThreads is more than any machine has use for: each takes memory.
const maxThreads = 1024

// useThreads takes the number of threads that was given, or, where several may be, all.
func (a *app) useThreads(several bool) error {
	for _, n := range a.numbers {
		if n < 0 || n > maxThreads {
			return usage("--threads %d: want 1 to %d, or 0 for one per processor", n, maxThreads)
		}
	}
	switch {
	case len(a.numbers) > 1 && !several:
		return usage("--threads: one number, bench takes several")
	case len(a.numbers) == 1:
		a.threads = a.numbers[0]
	}
	if a.threads > 0 {
		goruntime.GOMAXPROCS(a.threads)
	}
	return nil
}

// threadsList are the numbers of threads to measure with.
func (a *app) threadsList() []int {
	list := a.numbers
	if len(list) == 0 {
		list = []int{0}
	}
	out := make([]int, len(list))
	for i, n := range list {
		if out[i] = n; n == 0 {
			out[i] = kernel.Processors()
		}
	}
	return out
}

// noSubcommand explains an argument that is not a command.
func (a *app) noSubcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return usage("unknown command %q%s (see: alexctl --help)", args[0], nearest.Hint(args[0], names))
}

// ofParser is what Go's parsers say of themselves.
var ofParser = regexp.MustCompile(`strconv\.\w+: parsing "[^"]*": `)

// flagError turns a flag that cannot be parsed into a usage error, with the flag
// that was probably meant.
func flagError(c *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	text := ofParser.ReplaceAllString(err.Error(), "")
	if name, ok := strings.CutPrefix(text, "unknown flag: --"); ok {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		c.InheritedFlags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		if known := others[name]; known != "" && slices.Contains(names, known) {
			text += ", did you mean " + known + "?"
		} else {
			text += nearest.Hint("--"+name, names)
		}
	}
	return usage("%s (see: %s --help)", text, c.CommandPath())
}

// others are what other programs call our flags.
var others = map[string]string{
	"size": "--input", "image-size": "--input", "img-size": "--input", "imgsz": "--input", "resolution": "--input",
	"num-classes": "--classes", "epoch": "--epochs", "batch-size": "--batch", "bs": "--batch", "learning-rate": "--lr",
	"dataset": "--data", "image": "--images", "device-type": "--provider", "gpu": "--provider", "cuda": "--provider",
	"checkpoint": "--resume", "out": "--output", "topk": "--top", "num-threads": "--threads", "workers": "--threads",
	"iterations": "--runs", "wd": "--weight-decay", "arch": "--variant", "network": "--variant", "overwrite": "--force",
}

// noArguments is cobra.NoArgs with our exit code.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%q: no arguments are taken: %s", args[0], c.UseLine())
	}
	return nil
}

// say prints talk to stderr unless --quiet.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		a.tell(wrapped(printable(abridged(fmt.Sprintf(format, args...), maxMessage)), widthOf(a.stderr)))
	}
}

// tell prints a line of talk.
func (a *app) tell(line string) {
	a.undraw()
	_, _ = fmt.Fprintln(a.stderr, line) // nobody left to tell
}

// maxMessage bounds a message, which may have names from a stranger's file in it.
const maxMessage = 16 << 10

// abridged cuts a text that is longer than so many bytes.
func abridged(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + fmt.Sprintf("... (%d more bytes)", len(s)-most)
}

// printable replaces control characters, with which a name in a stranger's file could
// write over the terminal, and those of Unicode that turn the direction of text around or
// cannot be seen.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return '?'
		}
		return r
	}, s)
}

// counted writes a number of things: 1 problem, 2 problems.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// shellWord quotes a file name for a command line that is shown.
func shellWord(name string) string {
	if strings.HasPrefix(name, "-") {
		name = "./" + name
	}
	if strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-/+=:@%,~", r)
	}) {
		return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return name
}

// next names the command to type next, in one line, which can be copied.
func (a *app) next(format string, args ...any) {
	if !a.quiet {
		a.tell(printable(abridged(fmt.Sprintf("next: "+format, args...), maxMessage)))
	}
}

// print writes results to stdout.
func (a *app) print(format string, args ...any) error {
	return a.write(printable(fmt.Sprintf(format, args...)))
}

// prose is print of sentences, which fit the terminal.
func (a *app) prose(format string, args ...any) error {
	return a.write(wrapped(printable(fmt.Sprintf(format, args...)), a.width()))
}

// write is print of what is printable already, and may be coloured.
func (a *app) write(text string) error {
	a.undraw()
	if _, err := io.WriteString(a.stdout, text); err != nil {
		return fault.New(fault.Environment, "writing the result: %w", err)
	}
	return nil
}

// complain prints a problem that does not end the command to stderr, even with
// --quiet.
func (a *app) complain(format string, args ...any) error {
	a.undraw()
	_, err := fmt.Fprintln(a.stderr, wrapped("alexctl: "+printable(abridged(fmt.Sprintf(format, args...), maxMessage)), widthOf(a.stderr)))
	return err
}
