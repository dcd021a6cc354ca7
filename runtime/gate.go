package runtime

import "sync"

// Gate counts the calls that a session is running, so that Close can wait for them
// and later calls fail. Its zero value is open.
type Gate struct {
	mu     sync.RWMutex
	closed bool
}

// Enter begins a call; leave ends it. After Shut it returns ErrClosed.
func (g *Gate) Enter() (leave func(), err error) {
	g.mu.RLock()
	if g.closed {
		g.mu.RUnlock()
		return nil, ErrClosed
	}
	return g.mu.RUnlock, nil
}

// Shut waits for the running calls and closes the gate. It reports whether it was
// still open.
func (g *Gate) Shut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := !g.closed
	g.closed = true
	return was
}
