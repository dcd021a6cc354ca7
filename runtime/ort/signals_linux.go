//go:build cgo

package ort

/*
#include <signal.h>
#include <string.h>

enum { signals = 65 };

// The handlers of all signals. Those that a program cannot have one for fail, and are left.
typedef struct {
	struct sigaction of[signals];
	int known[signals];
} handlers;

static void save_handlers(handlers *h) {
	for (int s = 1; s < signals; s++)
		h->known[s] = sigaction(s, NULL, &h->of[s]) == 0;
}

static int restore_handlers(const handlers *h) {
	int changed = 0;
	for (int s = 1; s < signals; s++) {
		struct sigaction now;
		if (!h->known[s] || sigaction(s, NULL, &now) != 0)
			continue;
		if (now.sa_sigaction != h->of[s].sa_sigaction || now.sa_flags != h->of[s].sa_flags) {
			sigaction(s, &h->of[s], NULL);
			changed++;
		}
	}
	return changed;
}
*/
import "C"

// keepSignals remembers how signals are handled and returns a function that puts it back:
// CUDA's libraries install handlers of their own when they start, after which Ctrl-C no
// longer reaches Go.
func keepSignals() (restore func() int) {
	h := new(C.handlers)
	C.save_handlers(h)
	return func() int { return int(C.restore_handlers(h)) }
}
