package preprocess

import (
	"path/filepath"
	"strings"

	"alexctl/fault"
	"alexctl/internal/regular"
)

// maxSpec bounds a file with a preprocessing.
const maxSpec = 1 << 20

// Names are the preprocessings that Named knows.
var Names = []string{"imagenet", "plain", "caffe"}

// Named returns a preprocessing by name for a model that takes images of so many channels
// and of this side, or parses JSON, of which given is the text or a file whose name ends in .json. The crop is in the proportion that its source has. An
// unknown name is fault.Usage, a model that takes no images fault.Invalid.
func Named(given string, channels, side int) (*Spec, error) {
	if strings.EqualFold(filepath.Ext(given), ".json") {
		b, err := regular.Read(given, maxSpec)
		if err != nil {
			return nil, fault.As(fault.Invalid, err)
		}
		s, err := ParseSpec(string(b))
		if err != nil {
			return nil, fault.New(fault.Invalid, "%s: %w", given, err)
		}
		return s, nil
	}
	if strings.HasPrefix(strings.TrimSpace(given), "{") {
		s, err := ParseSpec(given)
		if err != nil {
			return nil, fault.As(fault.Usage, err)
		}
		return s, nil
	}
	var s *Spec
	switch given {
	case "imagenet":
		s = ImageNet(channels, (side*256+112)/224, side)
	case "plain":
		s = Plain(channels, side)
	case "caffe":
		s = MeanPixel(channels, "BGR", "exact", (side*256+113)/227, side)
	default:
		return nil, fault.New(fault.Usage, "preprocessing %q: want %s, or a JSON spec or a file of one (.json)", given, strings.Join(Names, ", "))
	}
	if channels != 1 && channels != 3 {
		return nil, fault.New(fault.Invalid, "the model takes %d channels, images have 1 or 3", channels)
	}
	if err := s.Validate(); err != nil {
		return nil, fault.New(fault.Invalid, "an input of %d channels and side %d: %w", channels, side, err)
	}
	return s, nil
}
