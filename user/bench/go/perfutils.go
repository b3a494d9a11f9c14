// SPDX-License-Identifier: MIT

// perfutils start-stop|measure|once: what hodgesds/perf-utils takes for a software event of
// this thread, as one line: nanoseconds.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	perf "github.com/hodgesds/perf-utils"
)

const (
	kept   = 1000
	opened = 50
)

func nothing() error {
	return nil
}

func each(count int, f func() error) error {
	// Once beforehand: a garbage collector and a runtime have things to do first.
	if err := f(); err != nil {
		return err
	}
	start := time.Now()
	for i := 0; i < count; i++ {
		if err := f(); err != nil {
			return err
		}
	}
	fmt.Printf("%f\n", float64(time.Since(start).Nanoseconds())/float64(count))
	return nil
}

func run(what string) error {
	runtime.LockOSThread()
	if what == "once" {
		return each(opened, func() error {
			_, err := perf.CPUTaskClock(nothing)
			return err
		})
	}
	profiler, err := perf.NewTaskClockProfiler(0, -1)
	if err != nil {
		return err
	}
	defer profiler.Close()
	if what == "start-stop" {
		return each(kept, func() error {
			if err := profiler.Start(); err != nil {
				return err
			}
			return profiler.Stop()
		})
	}
	var value perf.ProfileValue
	return each(kept, func() error {
		if err := profiler.Start(); err != nil {
			return err
		}
		if err := profiler.Stop(); err != nil {
			return err
		}
		return profiler.Profile(&value)
	})
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: perfutils start-stop|measure|once")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "perfutils:", err)
		os.Exit(1)
	}
}
