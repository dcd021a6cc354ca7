package data

import "alexctl/fault"

// fashionClasses are the classes of Fashion-MNIST (Xiao, Rasul and Vollgraf 2017).
var fashionClasses = []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}

func fashionSource() source {
	const at = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
	return source{
		name:    "fashion-mnist",
		summary: "Fashion-MNIST: 60,000 + 10,000 grey 28x28 images of 10 kinds of garments",
		places:  []string{"/usr/share/datasets/fashion-mnist"},
		wanted:  idxWanted,
		other:   []fault.Hint{{Text: "install Debian's package dataset-fashion-mnist"}, {Text: "name its folder", Option: fault.DataDir}},
		files: []Remote{
			{at + "train-images-idx3-ubyte.gz", 26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
			{at + "train-labels-idx1-ubyte.gz", 29515, "25c81989df183df01b3e8a0aad5dffbe"},
			{at + "t10k-images-idx3-ubyte.gz", 4422102, "bef4ecab320f06d8554ea6380940ec79"},
			{at + "t10k-labels-idx1-ubyte.gz", 5148, "bb300cfdad3c16e7a12a480ee83cd310"},
		},
		open: func(_ Options, dir string) (*Set, error) {
			s, err := openMNIST("fashion-mnist", dir, fashionClasses)
			if s != nil {
				s.Augment = "flip"
			}
			return s, err
		},
	}
}

func mnistSource() source {
	const at = "https://ossci-datasets.s3.amazonaws.com/mnist/"
	digits := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	return source{
		name:    "mnist",
		summary: "MNIST: 60,000 + 10,000 grey 28x28 images of handwritten digits",
		wanted:  idxWanted,
		other:   []fault.Hint{{Text: "name its folder", Option: fault.DataDir}},
		files: []Remote{
			{at + "train-images-idx3-ubyte.gz", 9912422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
			{at + "train-labels-idx1-ubyte.gz", 28881, "d53e105ee54ea40749a09fcbcd1e9432"},
			{at + "t10k-images-idx3-ubyte.gz", 1648877, "9fb629c4189551a2d022fa330f9573f3"},
			{at + "t10k-labels-idx1-ubyte.gz", 4542, "ec29112dd5afa0611ce80d1b7f02629c"},
		},
		open: func(_ Options, dir string) (*Set, error) {
			s, err := openMNIST("mnist", dir, digits)
			if s != nil {
				s.Augment = "pad=2" // a mirrored digit is none
			}
			return s, err
		},
	}
}
