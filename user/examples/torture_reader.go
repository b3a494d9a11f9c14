// SPDX-License-Identifier: MIT
// A reader of perf rings for perfring torture, in Go and its standard library.
package main

import (
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"
)

func field[T any](bytes []byte, at uint64) *T { return (*T)(unsafe.Pointer(&bytes[at])) }

func finish(word string) { fmt.Println(word); os.Exit(0) }

func show(kind uint32, misc uint16, record []byte) {
	if kind == 9 { // PERF_RECORD_SAMPLE of PERF_SAMPLE_RAW: u32 size, payload
		length, hash := *field[uint32](record, 12), fnv.New32a()
		if *field[uint32](record, 16) == 0xffffffff {
			finish("end")
		}
		hash.Write(record[12 : 12+length])
		fmt.Printf("sample %d %08x\n", length, hash.Sum32())
	} else if kind == 2 { // PERF_RECORD_LOST: u64 id, u64 lost
		fmt.Println("lost", *field[uint64](record, 16))
	} else {
		fmt.Println("record", kind, misc, len(record))
	}
}

func drain(data []byte, head, tail *uint64) {
	at, end, size := *tail, atomic.LoadUint64(head), uint64(len(data)) // acquire
	if end>>32 == 0 {
		end = at + uint64(uint32(end-at)) // a 32-bit kernel's begins at 0 again after 2^32
	}
	if end-at > size || end%8 != 0 {
		finish("corrupt")
	}
	for at != end {
		word := atomic.LoadUint64(field[uint64](data, at%size)) // once: it may change
		header := (*[4]uint16)(unsafe.Pointer(&word))           // u32 type, u16 misc, u16 size
		if header[3] < 8 || header[3]%8 != 0 || uint64(header[3]) > end-at {
			finish("corrupt")
		}
		record := make([]byte, header[3])
		copy(record[copy(record, data[at%size:]):], data) // or at the beginning of the data
		show(*(*uint32)(unsafe.Pointer(&word)), header[2], record)
		at += uint64(header[3])
	}
	atomic.StoreUint64(tail, at) // release
}

func main() {
	if os.Getenv("PERFRING_MODE") != "forward" {
		os.Exit(4) // not a scenario for this reader
	}
	bytes, _ := strconv.Atoi(os.Getenv("PERFRING_BYTES"))
	ring, _ := syscall.Mmap(3, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	head, tail, data := field[uint64](ring, 1024), field[uint64](ring, 1032), ring[os.Getpagesize():]
	if begin := *field[uint64](ring, 1040); begin != 0 { // since Linux 4.1
		data = ring[begin : begin+*field[uint64](ring, 1048)]
	}
	epoll, _ := syscall.EpollCreate1(0)
	syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, 4, &syscall.EpollEvent{Events: syscall.EPOLLIN})
	for event := make([]syscall.EpollEvent, 1); ; event[0].Events = 0 {
		drain(data, head, tail)
		syscall.EpollWait(epoll, event, 50) // not every record wakes
		if event[0].Events&syscall.EPOLLIN != 0 {
			syscall.Read(4, make([]byte, 4096)) // takes the wakeup back
		}
		if event[0].Events&syscall.EPOLLHUP != 0 {
			drain(data, head, tail)
			finish("hangup")
		}
	}
}
