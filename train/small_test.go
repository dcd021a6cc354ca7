package train_test

import (
	"testing"

	"alexctl/train"
)

// TestSmall wants some hundreds of steps of few images, and the recipe of old of many.
func TestSmall(t *testing.T) {
	for images, want := range map[int][2]int{
		4: {8, 100}, 45: {16, 100}, 114: {32, 100}, 128: {64, 100}, 600: {64, 34}, 2000: {64, 10}, 50000: {64, 10},
	} {
		c := train.Default()
		c.SmallBatch(images)
		c.MoreEpochs(images)
		if got := [2]int{c.Batch, c.Epochs}; got != want {
			t.Errorf("%d images: batch and epochs %v, want %v", images, got, want)
		}
		if steps, short := c.Short(images); short || steps < 100 {
			t.Errorf("%d images: %d steps, short %t", images, steps, short)
		}
	}
	c := train.Default()
	c.Batch = 4
	if c.MoreEpochs(45); c.Epochs != 28 { // of 11 steps each
		t.Errorf("45 images in batches of 4: %d epochs", c.Epochs)
	}
	c = train.Default()
	if steps, short := c.Short(45); steps != 10 || !short {
		t.Errorf("45 images in the default recipe: %d steps, short %t", steps, short)
	}
}
