// Package digest computes the digests that reports and pinned files are known by.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"alexctl/internal/regular"
)

// File returns the SHA-256 of a file in hexadecimal.
func File(path string) (string, error) {
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, f.Close())
}
