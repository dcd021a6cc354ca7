package data

// NameOf returns the name of an image of a folder.
func NameOf(d Dataset, i int) string { return nameOf(d, i) }
