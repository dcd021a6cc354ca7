package main

import (
	"os"
	"syscall"
	"unsafe"
)

// attributes end the worker when the process that waits is killed.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// foreground reports whether this process group is the one that the terminal's signals go to.
func foreground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer func() { _ = tty.Close() }()
	var group int32
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, tty.Fd(), syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&group))) //nolint:gosec // as ioctl(2) wants it
	return errno == 0 && int(group) == syscall.Getpgrp()
}
