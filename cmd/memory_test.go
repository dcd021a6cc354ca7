package cmd

import "testing"

// TestByteSize reads sizes as people write them.
func TestByteSize(t *testing.T) {
	for text, want := range map[string]int64{
		"512MiB": 512 << 20, "4GiB": 4 << 30, "4g": 4 << 30, "1.5G": 3 << 29, "2 GB": 2e9, "1073741824": 1 << 30, "1073741824B": 1 << 30,
		"": 0, "many": 0, "-4GiB": 0, "1KiB": 0, "1e30": 0, "NaN": 0, "GiB": 0,
	} {
		var s byteSize
		if err := s.Set(text); int64(s) != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v, want %d", text, s, err, want)
		}
	}
	a := &app{maxMemory: 1 << 30}
	if a.memory() != 1<<30 || a.within(4<<30) != 1<<30 {
		t.Errorf("%d, %d", a.memory(), a.within(4<<30))
	}
	if a := (&app{}); a.memory() < leastMemory || a.within(1<<20) != 1<<20 {
		t.Errorf("the machine's: %d", a.memory())
	}
}
