package train

import (
	"math"

	"alexctl/internal/table"
)

// schedule is how the learning rate changes. A new one is a row in schedules.
type schedule struct {
	name  string
	warms bool // whether it has a warm-up of its own
	// rate returns the learning rate of a step, 0 to total-1, where the largest is lr.
	rate func(lr float64, step, total int) float64
}

func schedules() []schedule {
	return []schedule{
		{"constant", false, func(lr float64, _, _ int) float64 { return lr }},
		{"step", false, func(lr float64, step, total int) float64 { // a tenth after half of the steps, a hundredth after three quarters
			switch done := float64(step) / float64(max(1, total)); {
			case done >= 0.75:
				return lr / 100
			case done >= 0.5:
				return lr / 10
			}
			return lr
		}},
		{"cosine", false, func(lr float64, step, total int) float64 {
			return lr * (1 + math.Cos(math.Pi*(float64(step)/float64(max(1, total))))) / 2
		}},
		{"onecycle", true, oneCycle},
	}
}

// Title returns the name.
func (s schedule) Title() string { return s.name }

// Schedules returns the names of the schedules.
func Schedules() []string { return table.Names(schedules()) }

// Rate returns the learning rate of a step, 0 to total-1, of which each epoch has
// perEpoch. It is not a number for a schedule that does not exist, which Check refuses.
func (c *Config) Rate(step, total, perEpoch int) float64 {
	warm := int(math.Round(c.Warmup * float64(perEpoch)))
	if step < warm {
		return c.LR * float64(step+1) / float64(warm)
	}
	s, err := table.Find(schedules(), "schedule", c.Schedule)
	if err != nil {
		return math.NaN()
	}
	return s.rate(c.LR, step-warm, total-warm)
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
