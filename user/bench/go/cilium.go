// SPDX-License-Identifier: MIT

// cilium OBJECT BYTES RECORD CPU: read perf rings of BYTES by cilium/ebpf.
//
// For each line on stdin the ring of CPU is filled with records of RECORD bytes and
// read; the answer is one line, nanoseconds for one record.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/perf"
)

const (
	rounds       = 4
	testRunOnCPU = 1 // BPF_F_TEST_RUN_ON_CPU
)

// As in read.bpf.c.
const (
	lenAt   = 0
	doneAt  = 4
	errorAt = 8
)

type bench struct {
	fill    *ebpf.Program
	request *ebpf.Map
	bytes   []byte
	reader  *perf.Reader
	record  perf.Record
	cpu     uint32
	sum     uint64
}

// Write until the ring is full; how many records it took.
func (b *bench) write(record int) (int, error) {
	count := 0
	for {
		binary.LittleEndian.PutUint32(b.bytes[lenAt:], uint32(record-12))
		if err := b.request.Put(uint32(0), b.bytes); err != nil {
			return 0, err
		}
		if _, err := b.fill.Run(&ebpf.RunOptions{Flags: testRunOnCPU, CPU: b.cpu}); err != nil {
			return 0, err
		}
		if err := b.request.Lookup(uint32(0), &b.bytes); err != nil {
			return 0, err
		}
		count += int(binary.LittleEndian.Uint32(b.bytes[doneAt:]))
		if binary.LittleEndian.Uint32(b.bytes[errorAt:]) != 0 {
			return count, nil
		}
	}
}

func (b *bench) read(count int) error {
	for seen := 0; seen < count; {
		if err := b.reader.ReadInto(&b.record); err != nil {
			return err
		}
		// The ring's loss is told by a record of its own.
		if b.record.LostSamples == 0 {
			b.sum ^= binary.LittleEndian.Uint64(b.record.RawSample)
			seen++
		}
	}
	return nil
}

func run() error {
	var numbers [3]int
	for i := range numbers {
		n, err := strconv.Atoi(os.Args[2+i])
		if err != nil {
			return err
		}
		numbers[i] = n
	}
	collection, err := ebpf.LoadCollection(os.Args[1])
	if err != nil {
		return err
	}
	b := bench{
		fill:    collection.Programs["read_fill"],
		request: collection.Maps[".bss"],
		cpu:     uint32(numbers[2]),
	}
	b.bytes = make([]byte, b.request.ValueSize())
	b.reader, err = perf.NewReader(collection.Maps["events"], numbers[0])
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var took time.Duration
		total := 0
		for i := 0; i < rounds; i++ {
			count, err := b.write(numbers[1])
			if err != nil {
				return err
			}
			start := time.Now()
			if err := b.read(count); err != nil {
				return err
			}
			took += time.Since(start)
			total += count
		}
		fmt.Printf("%f\n", float64(took.Nanoseconds())/float64(total))
	}
	return nil
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: cilium OBJECT BYTES RECORD CPU")
		os.Exit(2)
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "cilium:", err)
		os.Exit(1)
	}
}
