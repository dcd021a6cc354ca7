//go:build unix && !linux

package main

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }

// foreground is true: elsewhere a terminal is taken for what sends signals.
func foreground() bool { return true }
