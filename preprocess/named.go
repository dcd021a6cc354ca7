package preprocess

import (
	"strings"

	"alexctl/fault"
)

// Names are the preprocessings that Named knows.
var Names = []string{"imagenet", "plain", "caffe"}

// Named returns a preprocessing by name for a model that takes images of so many channels
// and of this side, or parses JSON. The crop is in the proportion that its source has. An
// unknown name is fault.Usage, a model that takes no images fault.Invalid.
func Named(given string, channels, side int) (*Spec, error) {
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
		return nil, fault.New(fault.Usage, "preprocessing %q: want %s or a JSON spec", given, strings.Join(Names, ", "))
	}
	if channels != 1 && channels != 3 {
		return nil, fault.New(fault.Invalid, "the model takes %d channels, images have 1 or 3", channels)
	}
	if err := s.Validate(); err != nil {
		return nil, fault.New(fault.Invalid, "an input of %d channels and side %d: %w", channels, side, err)
	}
	return s, nil
}
