//go:build !race

package verify_test

// slow says that tests run many times slower than usual: large networks are left
// out then.
const slow = false
