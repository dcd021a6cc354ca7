//go:build !race

package cmd_test

// race says that programs run many times slower: long scripts are left out then.
const race = false
