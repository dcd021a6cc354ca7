package data

import (
	"context"
	"crypto/md5" // the digest that the datasets' authors publish
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"alexctl/fault"
	"alexctl/internal/beside"
	"alexctl/internal/regular"
)

// Remote is a file of a dataset on its authors' server.
type Remote struct {
	URL  string
	Size int64
	MD5  string // in hexadecimal: the digest that they publish
}

// Progress is told how many bytes of a file are there.
type Progress func(file string, done, size int64)

// ErrDigest says that a file is not the one that its authors published.
var ErrDigest = fault.New(fault.Invalid, "it is not the published file")

// ErrNothingToFetch says that a dataset has no files of its own.
var ErrNothingToFetch = fault.New(fault.Usage, "it needs no files")

// Fetch downloads a dataset's files to Options.Cache, from its authors or from a
// mirror: the URL of a folder that holds the same files. A download that was cut
// short goes on where it stopped. A file gets its name when its digest is right.
func Fetch(ctx context.Context, name, mirror string, o Options, progress Progress) (dir string, err error) {
	defer fault.Default(&err, fault.Environment)
	s, err := find(name, "")
	if err != nil {
		return "", err
	}
	if len(s.files) == 0 {
		return "", fmt.Errorf("dataset %s: %w", name, ErrNothingToFetch)
	}
	dir = filepath.Join(o.Cache, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for _, f := range s.files {
		if mirror != "" {
			f.URL = strings.TrimSuffix(mirror, "/") + "/" + path.Base(f.URL)
		}
		if err := FetchFile(ctx, f, dir, progress); err != nil {
			return "", fmt.Errorf("%s: %w", f.URL, err)
		}
	}
	return dir, nil
}

// FetchFile downloads one file to dir, unless it is there.
func FetchFile(ctx context.Context, f Remote, dir string, progress Progress) error {
	target := filepath.Join(dir, path.Base(f.URL))
	if f.matches(target) == nil {
		progress(path.Base(f.URL), f.Size, f.Size)
		return nil
	}
	partial := target + ".part"
	begun := false // whether a part was there from an earlier call
	if info, err := os.Stat(partial); err == nil {
		begun = info.Size() > 0
	}
	err := f.download(ctx, partial, progress)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) { // the network's, and not the caller's
		err = fault.As(fault.Environment, err)
	}
	if err == nil {
		err = f.matches(partial)
	}
	if errors.Is(err, ErrDigest) { // what is there is of no use
		err = errors.Join(err, os.Remove(partial))
		if begun { // perhaps only the earlier part was wrong
			return FetchFile(ctx, f, dir, progress)
		}
	}
	if err != nil {
		return err
	}
	return beside.Rename(partial, target)
}

// matches compares a file with the published size and digest.
func (f Remote) matches(name string) (err error) {
	file, err := regular.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	h := md5.New()
	n, err := io.Copy(h, io.LimitReader(file, f.Size+1))
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != f.Size || got != f.MD5 {
		return fmt.Errorf("%w: MD5 %s, want %s of %d bytes", ErrDigest, got, f.MD5, f.Size)
	}
	return nil
}

// download fetches what is missing of a file.
func (f Remote) download(ctx context.Context, partial string, progress Progress) (err error) {
	out, err := os.OpenFile(partial, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	have, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if have >= f.Size { // whole, or not ours: matches tells
		if have == f.Size && f.matches(partial) == nil {
			return nil
		}
		if have, err = 0, out.Truncate(0); err != nil {
			return err
		}
	}
	body, from, err := f.request(ctx, have)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if from != have { // the server begins again
		if err := out.Truncate(from); err != nil {
			return err
		}
	}
	if _, err := out.Seek(from, io.SeekStart); err != nil {
		return err
	}
	w := &counted{out, from, func(done int64) { progress(path.Base(f.URL), done, f.Size) }}
	if _, err := io.Copy(w, io.LimitReader(body, f.Size-from+1)); err != nil {
		return fmt.Errorf("after %d of %d bytes: %w (fetch again to go on)", w.done, f.Size, err)
	}
	if w.done > f.Size {
		return fmt.Errorf("%w: more than %d bytes", ErrDigest, f.Size)
	}
	if w.done != f.Size {
		return fmt.Errorf("the server sent %d bytes, want %d (fetch again to go on)", w.done, f.Size)
	}
	return nil
}

// request asks for a file from a byte on, and returns where what comes begins.
func (f Remote) request(ctx context.Context, from int64) (io.ReadCloser, int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return nil, 0, err
	}
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	// A server that does not answer must not hold up everything; how long a file takes
	// is another matter.
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: time.Minute, TLSHandshakeTimeout: time.Minute}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	total := resp.ContentLength
	if resp.StatusCode == http.StatusPartialContent && total >= 0 {
		total += from
	}
	switch {
	case resp.StatusCode/100 == 2 && total >= 0 && total != f.Size:
		return nil, 0, errors.Join(fmt.Errorf("%w: it has %d bytes, want %d", ErrDigest, total, f.Size), resp.Body.Close())
	case resp.StatusCode == http.StatusPartialContent && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", from)):
		return resp.Body, from, nil
	case resp.StatusCode == http.StatusOK:
		return resp.Body, 0, nil
	}
	return nil, 0, errors.Join(fmt.Errorf("the server answers %s", resp.Status), resp.Body.Close())
}

// counted reports how much was written.
type counted struct {
	w      io.Writer
	done   int64
	report func(int64)
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.done += int64(n)
	c.report(c.done)
	return n, err
}
