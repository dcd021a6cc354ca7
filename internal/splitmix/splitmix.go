// Package splitmix is the counter-based generator SplitMix64 (Steele, Lea and Flood
// 2014): number i of a sequence is Mix(start + i*Golden), so any of them can be had at
// any time.
package splitmix

// Golden is how far apart the counters of neighbouring numbers are.
const Golden = 0x9e3779b97f4a7c15

// Mix turns a counter into 64 random bits.
func Mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
