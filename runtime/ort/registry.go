package ort

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"alexctl/fault"
	"alexctl/internal/regular"
)

// registryEnv are the variables that name npm's registry, as npm reads them.
var registryEnv = []string{"npm_config_registry", "NPM_CONFIG_REGISTRY"}

// Limits of a download.
const (
	maxTarball  = 1 << 30
	maxNpmrc    = 1 << 20
	stallTime   = 30 * time.Second // without an answer
	npmPatience = 20 * time.Second
)

// inBraces is how .npmrc names a variable; a dollar sign alone is itself.
var inBraces = regexp.MustCompile(`\$\{[^}]+\}`)

// registry is where packages are, and what proves who asks.
type registry struct {
	url   string
	token string // of the authorization, "" for none
}

// findRegistry returns the registry that npm is configured for: by the environment, by the files
// that npm reads, or as npm says.
func findRegistry(ctx context.Context) (registry, bool) {
	settings := npmrc()
	at := configured(settings)
	if at == "" {
		at = npmSays(ctx)
	}
	u, ok := address(at)
	if !ok {
		return registry{}, false
	}
	r := registry{url: strings.TrimSuffix(at, "/")}
	r.token = settings["//"+u.Host+strings.TrimSuffix(u.Path, "/")+"/:_authToken"]
	if u.Scheme != "https" {
		r.token = "" // it is not told to everyone on the way
	}
	return r, true
}

// configured returns the registry of the environment or of npm's files, "" where they name none.
func configured(settings map[string]string) string {
	at := settings["registry"]
	for _, name := range registryEnv {
		if v := os.Getenv(name); v != "" {
			at = v
		}
	}
	return at
}

// address reads a registry's.
func address(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	return u, err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// Registry returns the address that packages are fetched from, as the environment or npm's files
// have it, without a password or a token; "" where only npm could say. It is false where what they
// have is no address.
func Registry() (string, bool) {
	at := configured(npmrc())
	if at == "" {
		return "", true
	}
	u, ok := address(at)
	if !ok {
		return "", false
	}
	u.User = nil
	return u.String(), true
}

// npmSays asks npm; it need not be installed.
func npmSays(ctx context.Context) string {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, npmPatience)
	defer cancel()
	c := exec.CommandContext(ctx, npm, "config", "get", "registry")
	c.Env = append(os.Environ(), "npm_config_logs_max=0", "npm_config_update_notifier=false") // it would leave a log
	c.WaitDelay = time.Second
	out, err := c.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// npmrc reads the files of settings that npm reads, those of this user over those of the system.
func npmrc() map[string]string {
	files := []string{"/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc", os.Getenv("NPM_CONFIG_GLOBALCONFIG")}
	if home, err := os.UserHomeDir(); err == nil {
		files = append(files, filepath.Join(home, ".npmrc"))
	}
	files = append(files, os.Getenv("NPM_CONFIG_USERCONFIG"))
	settings := map[string]string{}
	for _, file := range files {
		if file == "" {
			continue
		}
		b, err := regular.Read(file, maxNpmrc)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(strings.NewReader(string(b))); lines.Scan(); {
			key, value, ok := strings.Cut(lines.Text(), "=")
			if key = strings.TrimSpace(key); ok && key != "" && key[0] != '#' && key[0] != ';' {
				value = strings.Trim(strings.TrimSpace(value), `"'`)
				settings[key] = inBraces.ReplaceAllStringFunc(value, func(s string) string { return os.Getenv(s[2 : len(s)-1]) })
			}
		}
	}
	return settings
}

// tarball returns where the registry has a package.
func (r registry) tarball(name string) string {
	name, version, _ := strings.Cut(name, "@")
	return fmt.Sprintf("%s/%s/-/%s-%s.tgz", r.url, name, name, version)
}

// download writes a package's tarball to a file. Its digest is not looked at.
func (r registry) download(ctx context.Context, name, file string) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.tarball(name), http.NoBody)
	if err != nil {
		return err
	}
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: stallTime, ResponseHeaderTimeout: stallTime}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // which repeats the address
			err = u.Err
		}
		return err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the registry answers %s", answer.Status)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(&cancelled{ctx, answer.Body}, maxTarball+1))
	if err == nil && n > maxTarball {
		err = fmt.Errorf("the package is larger than %d MiB", maxTarball>>20)
	}
	return errors.Join(err, f.Close())
}

// fetch downloads the tarball: from the registry that npm is configured for, or, where that
// does not do, with npm itself, which knows more of the user's network.
func (p Package) fetch(ctx context.Context, work string, talk io.Writer) (string, error) {
	if _, err := fmt.Fprintf(talk, "fetching %s (npm package %s)\n", p.Purpose, p.Name); err != nil {
		return "", err
	}
	file := filepath.Join(work, "package.tgz")
	var direct error
	if r, ok := findRegistry(ctx); ok {
		if direct = r.download(ctx, p.Name, file); direct == nil {
			return file, nil
		}
		direct = fmt.Errorf("%s: %w", r.tarball(p.Name), direct)
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		why := "npm is not installed, and no registry at an http or https address is configured for it"
		if direct != nil {
			why = fmt.Sprintf("npm is not installed, and %s cannot be fetched without it: %v", p.Name, direct)
		}
		return "", fault.New(fault.Environment, "%s", why).
			Hint(fault.Hint{Text: "install Node.js, or have the environment variable " + registryEnv[1] + " name a registry that has it"}).
			Hint(p.otherwise()...)
	}
	return p.pack(ctx, npm, work, direct)
}

// otherwise says what to do where the package cannot be fetched.
func (p Package) otherwise() []fault.Hint {
	return []fault.Hint{
		{Text: fmt.Sprintf("fetch %s on another machine (npm pack %s) and give the file", p.Purpose, p.Name), Option: fault.From},
		{Text: "the engine gorgonia needs nothing: --engine gorgonia"},
	}
}

// pack downloads the tarball with npm.
func (p Package) pack(ctx context.Context, npm, work string, direct error) (string, error) {
	_ = os.Remove(filepath.Join(work, "package.tgz")) // what came of it
	var log strings.Builder
	c := exec.CommandContext(ctx, npm, "pack", p.Name, "--loglevel=error", "--fetch-retries=0", "--pack-destination", work)
	c.Dir, c.Stdout, c.Stderr = work, &log, &log
	c.WaitDelay = 2 * time.Second // npm may be a script whose child keeps the pipes open
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		why, _, _ := strings.Cut(strings.TrimSpace(log.String()), "\nnpm error     at ") // without its stack
		if direct != nil {
			why = strings.TrimSpace(direct.Error() + "\n" + why)
		}
		return "", fault.New(fault.Environment, "npm pack %s: %w\n%s", p.Name, err, why).Hint(p.otherwise()...)
	}
	files, err := filepath.Glob(filepath.Join(work, "*.tgz"))
	if err != nil || len(files) != 1 {
		return "", fmt.Errorf("npm pack %s made %d files", p.Name, len(files))
	}
	return files[0], nil
}
