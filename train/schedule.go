package train

import "math"

// Rate returns the learning rate of a step, 0 to total-1, of which each epoch has
// perEpoch.
func (c *Config) Rate(step, total, perEpoch int) float64 {
	if c.Schedule == "onecycle" {
		return oneCycle(c.LR, step, total)
	}
	warm := int(math.Round(c.Warmup * float64(perEpoch)))
	if step < warm {
		return c.LR * float64(step+1) / float64(warm)
	}
	done := float64(step-warm) / float64(max(1, total-warm))
	switch c.Schedule {
	case "step": // a tenth after half of the steps, a hundredth after three quarters
		switch {
		case done >= 0.75:
			return c.LR / 100
		case done >= 0.5:
			return c.LR / 10
		}
	case "cosine":
		return c.LR * (1 + math.Cos(math.Pi*done)) / 2
	}
	return c.LR
}

// oneCycle is torch.optim.lr_scheduler.OneCycleLR with its defaults (Smith and Topin
// 2017): from a 25th of the rate up to it in the first 30% of the steps, then down to
// a 250,000th, along cosines.
func oneCycle(rate float64, step, total int) float64 {
	const (
		rise  = 0.3
		start = 25
		final = 1e4
	)
	between := func(from, to, at float64) float64 {
		at = min(max(at, 0), 1) // a run of very few steps
		return to + (from-to)/2*(1+math.Cos(math.Pi*at))
	}
	peak, end := rise*float64(total)-1, float64(total-1)
	if s := float64(step); s <= peak && peak > 0 {
		return between(rate/start, rate, s/peak)
	}
	return between(rate, rate/start/final, (float64(step)-peak)/max(1, end-peak))
}
