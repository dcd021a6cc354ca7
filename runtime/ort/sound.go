package ort

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	goruntime "runtime"
	"strings"

	"alexctl/fault"
	"alexctl/internal/beside"
	"alexctl/internal/digest"
	"alexctl/internal/regular"
)

// stampEnding is that of the file beside an installed library that says which file had the
// pinned digest, so that it is computed once for each.
const stampEnding = ".checked"

// sound reports a library that is damaged, before anything of it runs: one that is cut short
// ends the process when it is used, and one that has changed may compute anything. An installed
// one must have the pinned digest, of any other the size must be what its tables say.
func (l Library) sound() error {
	if l.FoundBy == FoundInstalled {
		core, err := CorePackage()
		if err != nil {
			return err
		}
		return l.pinned(core.Files[0].SHA256)
	}
	if goruntime.GOOS != "linux" {
		return nil
	}
	if err := whole(l.Path); err != nil {
		return fault.New(fault.Environment, "%s is damaged or no library: %w", l.Path, err).
			Hint(fault.Hint{Text: "copy or install it again, or use this user's own", Option: fault.Setup})
	}
	return nil
}

// pinned compares the digest, unless the same file was compared before.
func (l Library) pinned(want string) error {
	info, err := os.Stat(l.Path)
	if err != nil {
		return fault.As(fault.Environment, err)
	}
	stamp := fmt.Sprintf("%s %d %d %s\n", want, info.Size(), info.ModTime().UnixNano(), fileNumber(info))
	if b, err := regular.Read(l.Path+stampEnding, 1<<10); err == nil && string(b) == stamp {
		return nil
	}
	sum, err := digest.File(l.Path)
	if err != nil {
		return fault.As(fault.Environment, err)
	}
	if sum != want {
		return fault.New(fault.Environment, "%s is damaged: its SHA-256 is %s, want %s", l.Path, sum, want).
			Hint(fault.Hint{Text: "install it again", Option: fault.Setup})
	}
	// Where it cannot be written, in another's folder, the digest is computed each time.
	_ = beside.Write(l.Path+stampEnding, func(w io.Writer) error {
		_, err := io.Copy(w, strings.NewReader(stamp))
		return err
	})
	return nil
}

// whole reports an ELF file whose tables or contents lie behind its end.
func whole(path string) (err error) {
	f, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return err
	}
	for _, p := range e.Progs {
		if p.Filesz > uint64(info.Size()) || p.Off > uint64(info.Size())-p.Filesz { //nolint:gosec // sizes are not negative
			return fmt.Errorf("it ends at byte %d, and has contents up to %d", info.Size(), p.Off+p.Filesz)
		}
	}
	for _, s := range e.Sections {
		if s.Type != elf.SHT_NOBITS && (s.FileSize > uint64(info.Size()) || s.Offset > uint64(info.Size())-s.FileSize) { //nolint:gosec // sizes are not negative
			return fmt.Errorf("it ends at byte %d, and has a section up to %d", info.Size(), s.Offset+s.FileSize)
		}
	}
	return nil
}
